/**
 * Scripts that make a shell complete respipe's commands, flags and files.
 *
 * All three are written from the one table in flags.ts, so that they cannot
 * know a flag that there is not, or miss one.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { type CommandName, type Flag, FLAGS, flagsOf } from "./flags.ts";
import { COMMANDS, HELPERS } from "./help.ts";
import { nearest } from "./nearest.ts";

/** What each shell's script is written by. */
const WRITERS: Readonly<Record<string, () => string>> = { bash, fish, zsh };

/** The shells that there is a script for. */
export const SHELLS: readonly string[] = Object.keys(WRITERS);

/** Words that can stand where a command does, with what they do. */
const FIRST: readonly [word: string, help: string][] = Object.entries({
  ...COMMANDS,
  ...HELPERS,
});

const NAMES = Object.keys(COMMANDS) as CommandName[];

/**
 * Writes a shell's completion script.
 *
 * @throws {UsageError} When there is no script for that shell.
 */
export function completions(shell: string | undefined): string {
  if (shell !== undefined && Object.hasOwn(WRITERS, shell)) {
    return WRITERS[shell]();
  }
  const near = shell === undefined ? undefined : nearest(shell, SHELLS);
  throw new UsageError(
    shell === undefined
      ? `respipe completions needs a shell: ${SHELLS.join(", ")}`
      : `There are no completions for ${JSON.stringify(shell)}; ` +
        (near === undefined
          ? `there are for ${SHELLS.join(", ")}`
          : `did you mean ${near}?`),
  );
}

/** Whether a flag's value is a path. */
function takesPath({ value }: Flag): boolean {
  return value === "FILE" || value === "DIR" || value === "PATH";
}

/** The words for a flag as they are typed. */
function namesOf({ name, letter }: Flag): string[] {
  return letter === undefined ? [`--${name}`] : [`-${letter}`, `--${name}`];
}

function bash(): string {
  const flags = NAMES.map((name) =>
    `    ${name}) flags="${
      [...flagsOf(name).flatMap(namesOf), "--help"].join(" ")
    }" ;;`
  );
  const withValue = FLAGS.filter((f) =>
    f.value !== undefined && f.otherwise === undefined
  );
  const others = withValue.filter((f) => !takesPath(f) && !f.choices);
  const choices = withValue.filter((f) => f.choices).map((flag) =>
    `    ${namesOf(flag).join("|")}) ` +
    `COMPREPLY=($(compgen -W "${flag.choices!.join(" ")}" -- "$cur")); ` +
    "return ;;"
  );
  return `# bash completion for respipe; in ~/.bashrc:
#   source <(respipe completions bash)
_respipe() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command=\${COMP_WORDS[1]} flags= i
  COMPREPLY=()
  # bash takes --flag=value for three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${
    [...FIRST.map(([word]) => word), "--help", "--version"].join(" ")
  }" -- "$cur"))
    return
  fi
  for ((i = 2; i < COMP_CWORD; i++)); do
    # Behind it stands the server's command.
    [[ \${COMP_WORDS[i]} == -- ]] && return
  done
  case $command in
${flags.join("\n")}
    help) COMPREPLY=($(compgen -W "${NAMES.join(" ")}" -- "$cur")); return ;;
    completions) COMPREPLY=($(compgen -W "${
    SHELLS.join(" ")
  }" -- "$cur")); return ;;
    *) return ;;
  esac
  case $prev in
${choices.join("\n")}
    ${withValue.filter(takesPath).flatMap(namesOf).join("|")}) return ;;
    ${others.flatMap(namesOf).join("|")})
      # bash 3 has no way to keep files from being offered here.
      compopt +o default 2>/dev/null
      return ;;
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  fi
}
# Where it offers nothing, bash offers files.
complete -o default -F _respipe respipe
`;
}

function zsh(): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  // Within [...] and as a message, brackets and colons mean something.
  const escaped = (text: string): string => text.replace(/[\\[\]:]/g, "\\$&");
  const spec = (flag: Flag): string[] => {
    const help = `[${escaped(flag.help)}]`;
    const again = flag.many === true ? "*" : `(${namesOf(flag).join(" ")})`;
    const action = flag.choices !== undefined
      ? `(${flag.choices.join(" ")})`
      : takesPath(flag)
      ? flag.value === "DIR" ? "_files -/" : "_files"
      : " ";
    // What may be left out is not offered: it would leave a "=" behind.
    const value = flag.value === undefined || flag.otherwise !== undefined
      ? ""
      : `:${escaped(flag.value)}:${action}`;
    return namesOf(flag).map((name) => {
      // A value behind "=" or as the next word.
      const equals = value !== "" && name.startsWith("--") ? "=" : "";
      return `      ${quoted(`${again}${name}${equals}${help}${value}`)}`;
    });
  };
  const cases = NAMES.map((name) =>
    [
      `    ${name})`,
      "      _arguments -S \\",
      ...flagsOf(name).flatMap(spec).map((line) => `  ${line} \\`),
      "        '--help[show what it does]' \\",
      "        '*:file:_files'",
      "      ;;",
    ].join("\n")
  );
  return `#compdef respipe
# zsh completion for respipe; in ~/.zshrc, behind compinit:
#   source <(respipe completions zsh)
_respipe() {
  local -a commands=(
${
    FIRST.map(([word, help]) => `    ${quoted(`${word}:${escaped(help)}`)}`)
      .join("\n")
  }
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _arguments '--help[show what it does]' '--version[show the version]'
    return
  fi
  local command=$words[2]
  # Of the words, the command's own.
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
    help) _values command ${NAMES.join(" ")} ;;
    completions) _values shell ${SHELLS.join(" ")} ;;
  esac
}
if [[ $funcstack[1] == _respipe ]]; then
  _respipe "$@"
else
  compdef _respipe respipe
fi
`;
}

function fish(): string {
  const quoted = (text: string): string =>
    `'${text.replace(/[\\']/g, "\\$&")}'`;
  const first = FIRST.map(([word, help]) =>
    `complete -c respipe -n __fish_use_subcommand -f -a ${word} -d ${
      quoted(help)
    }`
  );
  const flags = FLAGS.map((flag) => {
    const kind = flag.value === undefined || flag.otherwise !== undefined
      ? ""
      : takesPath(flag)
      ? " -r -F"
      : flag.choices !== undefined
      ? ` -x -a ${quoted(flag.choices.join(" "))}`
      : " -x";
    const letter = flag.letter === undefined ? "" : ` -s ${flag.letter}`;
    return "complete -c respipe -n " +
      `'__fish_seen_subcommand_from ${flag.commands.join(" ")}'` +
      `${letter} -l ${flag.name}${kind} -d ${quoted(flag.help)}`;
  });
  return `# fish completion for respipe; in ~/.config/fish/config.fish:
#   respipe completions fish | source
${first.join("\n")}
complete -c respipe -n __fish_use_subcommand -l version -d 'show the version'
complete -c respipe -l help -d 'show what it does'
complete -c respipe -n '__fish_seen_subcommand_from help' -f -a '${
    NAMES.join(" ")
  }'
complete -c respipe -n '__fish_seen_subcommand_from completions' -f -a '${
    SHELLS.join(" ")
  }'
${flags.join("\n")}
`;
}
