import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { findProgram } from "../../scripts/find_program.ts";
import { completions, SHELLS } from "../../src/cli/completions.ts";
import { type CommandName, FLAGS } from "../../src/cli/flags.ts";
import { UsageError } from "../../src/errors.ts";
import { runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

/** The shells that there are here, so that a script can be tried. */
const there = new Map(
  await Promise.all(
    SHELLS.map(async (shell) => [shell, await findProgram(shell)] as const),
  ),
);

/** A test that needs a shell. */
function inShell(shell: string, name: string, fn: () => Promise<void>): void {
  const missing = there.get(shell) === undefined;
  Deno.test({
    name: missing ? `${name} (there is no ${shell} here)` : name,
    ignore: missing,
    fn,
  });
}

async function run(
  shell: string,
  args: string[],
  cwd?: string,
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(shell, {
    args,
    stdin: "null",
    ...(cwd === undefined ? {} : { cwd }),
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  assertEquals([code, text(stderr)], [0, ""]);
  return text(stdout);
}

for (const shell of SHELLS) {
  Deno.test(`respipe completions ${shell} prints the script`, async () => {
    const { code, stdout, stderr } = await runRespipe(["completions", shell], {
      permissions: [],
    });
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, completions(shell));
  });

  Deno.test(`the completions for ${shell} have every flag`, () => {
    const script = completions(shell);
    for (const { name, letter } of FLAGS) {
      const dashes = shell === "fish" ? "-l " : "--";
      assert(script.includes(`${dashes}${name}`), name);
      if (letter === undefined) continue;
      assertMatch(script, new RegExp(`-(s )?${letter}\\b`));
    }
  });

  inShell(shell, `${shell} understands its completions`, async () => {
    using files = new TempFiles();
    await run(shell, ["-n", files.write("script", completions(shell))]);
  });
}

/** Asks bash what it would offer behind some words. */
async function offered(words: string[], cwd?: string): Promise<string[]> {
  using files = new TempFiles();
  const script = files.write("script", completions("bash"));
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const output = await run("bash", [
    "--norc",
    "-c",
    `source ${script}
     COMP_WORDS=(${quoted}) COMP_CWORD=${words.length - 1}
     complete -p respipe
     _respipe 2>/dev/null
     printf '%s\\n' "\${COMPREPLY[@]}"`,
  ], cwd);
  const [registered, ...replies] = output.trimEnd().split("\n");
  assertEquals(registered, "complete -o default -F _respipe respipe");
  return replies.filter((reply) => reply !== "");
}

const OFFERS: [words: string[], offers: string[]][] = [
  [["respipe", "l"], ["load"]],
  [["respipe", "co"], ["completions"]],
  [["respipe", "--v"], ["--version"]],
  [["respipe", "load", "--dry"], ["--dry-run"]],
  [["respipe", "load", "a.csv", "--max"], ["--max-record", "--max-errors"]],
  [["respipe", "encode", "--max"], ["--max-record"]],
  [["respipe", "load", "--end-marker", ""], ["echo", "ping", "count"]],
  [["respipe", "load", "--end-marker", "=", "p"], ["ping"]],
  [["respipe", "pipe", "--end-marker", "="], ["echo", "ping", "count"]],
  [["respipe", "help", "e"], ["encode"]],
  [["respipe", "completions", "z"], ["zsh"]],
  // Files: bash's own business.
  [["respipe", "load", "a"], []],
  [["respipe", "load", "--rejects", "a"], []],
  [["respipe", "load", "--delimiter", ""], []],
  // The server's command.
  [["respipe", "load", "--", "--l"], []],
  [["respipe", "nonsense", "--l"], []],
];

for (const [words, offers] of OFFERS) {
  inShell("bash", `bash offers behind ${words.join(" ")}`, async () => {
    assertEquals(await offered(words), offers);
  });
}

inShell(
  "bash",
  "bash offers each command its flags and no others",
  async () => {
    for (const command of ["load", "encode", "pipe"] as CommandName[]) {
      const mine = FLAGS.filter((flag) => flag.commands.includes(command));
      assertEquals(
        (await offered(["respipe", command, "--"])).toSorted(),
        ["--help", ...mine.map(({ name }) => `--${name}`)].toSorted(),
      );
    }
  },
);

inShell("fish", "fish offers flags and their values", async () => {
  using files = new TempFiles();
  const script = files.write("script", completions("fish"));
  const ask = async (line: string): Promise<string[]> =>
    (await run("fish", [
      "--no-config",
      "-c",
      `source ${script}; complete -C '${line}'`,
    ])).trimEnd().split("\n").map((offer) => offer.split("\t")[0]);
  assertEquals(await ask("respipe lo"), ["load"]);
  assertEquals(await ask("respipe load --dry"), ["--dry-run"]);
  assertEquals(await ask("respipe pipe --end-marker p"), ["ping"]);
  assertEquals(await ask("respipe completions z"), ["zsh"]);
});

for (
  const [shell, says] of [
    [undefined, "needs a shell: bash, fish, zsh"],
    ["bsh", "did you mean bash?"],
    ["powershell", "there are for bash, fish, zsh"],
    ["constructor", "there are for bash, fish, zsh"],
  ] as const
) {
  Deno.test(`there are no completions for ${shell}`, () => {
    assertThrows(() => completions(shell), UsageError, says);
  });
}
