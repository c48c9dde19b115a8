import denoJson from "../../deno.json" with { type: "json" };
import { type CommandName, type Flag, flagsOf } from "./flags.ts";

/** The version of respipe, from deno.json. */
export const VERSION: string = denoJson.version;

/** What is said about `-h`, which many take for help. */
export const HOST_HINT = "is the host, as in redis-cli, and help is --help";

/** What each command does, in one line. */
export const COMMANDS: Readonly<Record<CommandName, string>> = {
  load: "rows become commands, straight into the server",
  encode: "rows become RESP on standard output",
  pipe: "raw RESP in, like redis-cli --pipe",
};

/** What else can stand where a command does. */
export const HELPERS: Readonly<Record<string, string>> = {
  completions: "print the completion script of a shell: bash, fish, zsh",
  help: "list a command's flags, as COMMAND --help does",
};

const USAGE: Readonly<Record<CommandName, string>> = {
  load: "respipe load   [FILE]... [flags] -- COMMAND ARG...",
  encode: "respipe encode [FILE]... [flags] -- COMMAND ARG...",
  pipe: "respipe pipe   [FILE]... [flags]",
};

const EXAMPLES: Readonly<Record<CommandName, readonly string[]>> = {
  load: [
    "respipe load users.csv -- HSET 'user:{id}' '{*}'",
    "respipe load -h cache -n 2 kv.csv -- SET '{key}' '{value}' EX 3600",
    "gzip -dc big.csv.gz | respipe load - -- SADD 'city:{city}' '{id}'",
  ],
  encode: [
    "respipe encode kv.csv -- SET '{key}' '{value}' > kv.resp",
    "respipe encode kv.csv -- SET '{key}' '{value}' | redis-cli --pipe",
    "respipe encode users.csv --limit 2 -- HSET 'user:{id}' '{*}'",
  ],
  pipe: [
    "respipe pipe < commands.resp",
    "respipe pipe -h cache -p 6380 commands.resp more.resp",
    "printf 'SET a 1\\nINCR a\\n' | respipe pipe",
  ],
};

const FIRST_EXAMPLES: readonly string[] = [
  EXAMPLES.load[0],
  "respipe load users.csv --dry-run -- HSET 'user:{id}' '{*}'",
  EXAMPLES.pipe[0],
];

const TEMPLATE = `In a command:
  {name}      the field of that column; several per argument are fine
  {3}         the third field, counting from 1
  {*}         name value name value ... for every column
  {*-id,lat}  the same without those columns
  {a.b}       of JSON: member b of member a; {tags.0}, an element
  {*json}     the record as a JSON object
  {#}         the record's number
  {60..90}    a number of that range, always the same for the same row
  {{ }}       a literal brace: {{user:{id}}} gives {user:42}

respipe refuses a command without any column, and one with a flag of respipe
behind --. A second -- lets the command stand as it is: -- -- INCR rows
`;

const EXIT_CODES = `Exit codes:
  0    every record is in
  1    finished, but some records were rejected
  2    wrong usage: nothing was sent
  3    stopped: more rejects than --max-errors allows, or an error that
       would hit every record (out of memory, read-only, no permission ...)
  4    the server could not be reached, or was lost
  5    the input could not be read, or is broken
  74   standard output could not be written: a full disk, a closed device
  75   another load holds the lock of --lock, or uses the FILE of --state
  130  interrupted by SIGINT; 143 by SIGTERM: the summary says how far it got
  141  the reader of standard output has closed it
`;

/** Writes the help for respipe as a whole. */
export function generalHelp(): string {
  const commands = Object.entries({ ...COMMANDS, ...HELPERS });
  return `respipe ${VERSION}: gets a file into Redis or Valkey

Usage:
${Object.values(USAGE).map((line) => `  ${line}\n`).join("")}
Commands:
${commands.map(([name, help]) => `  ${name.padEnd(13)}${help}\n`).join("")}
No FILE, or -, is standard input. Everything after -- is a command, one word
per argument.

${TEMPLATE}
${examples(FIRST_EXAMPLES)}
respipe COMMAND --help lists a command's flags; --version shows the version.

${EXIT_CODES}`;
}

/**
 * Writes the help for one command.
 *
 * @returns The text: usage, flags with their defaults, examples, exit codes.
 */
export function commandHelp(command: CommandName): string {
  const flags = flagsOf(command);
  const groups = [...new Set(flags.map((flag) => flag.group))];
  const sections = groups.map((group) =>
    `${group}:\n` +
    flags.filter((flag) => flag.group === group).map(flagHelp).join("")
  );
  return [
    `respipe ${command}: ${COMMANDS[command]}\n`,
    `Usage:\n  ${USAGE[command]}\n`,
    ...(command === "pipe" ? [] : [TEMPLATE]),
    ...sections,
    examples(EXAMPLES[command]),
    EXIT_CODES,
  ].join("\n");
}

/**
 * Writes the help for `respipe completions`.
 *
 * @returns The text: usage, and how each shell is told.
 */
export function completionsHelp(): string {
  return `respipe completions: ${HELPERS.completions}

Usage:
  respipe completions bash|fish|zsh

Examples:
  source <(respipe completions bash)        in ~/.bashrc
  source <(respipe completions zsh)         in ~/.zshrc, behind compinit
  respipe completions fish | source         in ~/.config/fish/config.fish
`;
}

function examples(lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function flagHelp(flag: Flag): string {
  const letter = flag.letter === undefined ? "    " : `-${flag.letter}, `;
  const value = flag.value === undefined
    ? ""
    : flag.otherwise === undefined
    ? ` ${flag.value}`
    : ` [${flag.value}]`;
  const head = `  ${letter}--${flag.name}${value}`;
  const column = 26;
  const width = 80 - column;
  const lines: string[] = [""];
  for (const word of flag.help.split(" ")) {
    const line = lines[lines.length - 1];
    if (line.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  const first = head.length + 2 > column
    ? `${head}\n${" ".repeat(column)}`
    : head.padEnd(column);
  return `${first}${lines.join(`\n${" ".repeat(column)}`)}\n`;
}
