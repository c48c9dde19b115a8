import { assert, assertEquals, assertThrows } from "@std/assert";
import { findProgram } from "../../scripts/find_program.ts";
import { completions, SHELLS } from "../../src/cli/completions.ts";
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

/** What `respipe completions` prints, for a shell to load. */
async function printed(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runRespipe(["completions", shell], {
    permissions: [],
  });
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

/** The flags that the help of a command names. */
async function flagsInHelp(command: string): Promise<string[]> {
  const { stdout } = await runRespipe([command, "--help"], { permissions: [] });
  const lines = stdout.matchAll(/^ {2}(-\w)?,? +(--[\w-]+)/gm);
  return [...lines].flatMap(([, letter, name]) =>
    letter === undefined ? [name] : [letter, name]
  );
}

for (const shell of SHELLS) {
  inShell(shell, `${shell} understands what is printed for it`, async () => {
    using files = new TempFiles();
    await run(shell, ["-n", files.write("script", await printed(shell))]);
  });
}

/** What is printed for bash: once, for all questions. */
let scriptOfBash: string | undefined;

/** Asks bash what it would offer behind some words. */
async function offered(words: string[], cwd?: string): Promise<string[]> {
  using files = new TempFiles();
  scriptOfBash ??= await printed("bash");
  const script = files.write("script", scriptOfBash);
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

for (const command of ["load", "encode", "pipe"]) {
  inShell(
    "bash",
    `bash offers the flags in the help of ${command}`,
    async () => {
      const flags = await flagsInHelp(command);
      assert(flags.length > 10);
      assertEquals(
        (await offered(["respipe", command, "-"])).toSorted(),
        ["--help", ...flags].toSorted(),
      );
    },
  );
}

inShell("fish", "fish offers flags and their values", async () => {
  using files = new TempFiles();
  const script = files.write("script", await printed("fish"));
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
