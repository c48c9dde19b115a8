import { assert, assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../src/cli/exit_code.ts";
import { type CommandName, FLAGS } from "../../src/cli/flags.ts";
import {
  commandHelp,
  COMMANDS,
  generalHelp,
  VERSION,
} from "../../src/cli/help.ts";
import { runRespipe } from "../support/run_respipe.ts";

const NAMES = Object.keys(COMMANDS) as CommandName[];
const TEXTS: [name: string, text: string][] = [
  ["respipe", generalHelp()],
  ...NAMES.map((name): [string, string] => [name, commandHelp(name)]),
];

for (const [name, text] of TEXTS) {
  Deno.test(`the help of ${name} fits 80 columns of ASCII`, () => {
    for (const line of text.split("\n")) {
      assert(line.length <= 80, line);
      assertMatch(line, /^[ -~]*$/);
      assertEquals(line, line.trimEnd());
    }
    assert(text.endsWith("\n") && !text.endsWith("\n\n"));
  });

  Deno.test(`the help of ${name} lists what it exits with`, () => {
    const codes = text.slice(text.indexOf("Exit codes:"));
    for (const code of Object.values(ExitCode)) {
      // A mistake in respipe is no promise.
      if (code === ExitCode.Internal) continue;
      assertMatch(codes, new RegExp(`\\b${code}\\b`));
    }
  });
}

for (const [name, text] of TEXTS) {
  Deno.test(`the help of ${name} has three examples`, () => {
    const [, examples] = text.split("\nExamples:\n");
    const lines = examples.split("\n\n")[0].trimEnd().split("\n");
    assertEquals(lines.length, 3);
    for (const line of lines) assertMatch(line, /\brespipe [a-z]/);
  });
}

for (const name of NAMES) {
  Deno.test(`the help of ${name} has its flags and no others`, () => {
    const text = commandHelp(name);
    for (const { name: flag, letter, value, otherwise, commands } of FLAGS) {
      const shown = otherwise === undefined ? value : `[${value}]`;
      const head =
        `${letter === undefined ? "    " : `-${letter}, `}--${flag}` +
        (value === undefined ? "" : ` ${shown}`);
      const there = text.split("\n").some((line) =>
        line === `  ${head}` || line.startsWith(`  ${head}  `)
      );
      assertEquals(there, commands.includes(name), head);
    }
  });

  Deno.test(`the help of ${name} is in the general help`, () => {
    assertMatch(generalHelp(), new RegExp(`respipe ${name} `));
    assert(generalHelp().includes(COMMANDS[name]));
  });
}

Deno.test("flags have names of their own, and help that is a phrase", () => {
  for (const command of NAMES) {
    const mine = FLAGS.filter(({ commands }) => commands.includes(command));
    const words = mine.flatMap(({ name, letter }) =>
      letter === undefined ? [name] : [name, letter]
    );
    assertEquals(new Set(words).size, words.length);
  }
  for (const { help, name } of FLAGS) {
    assertMatch(help, /^[^A-Z].*([^.]|\.{3})$/, name);
  }
});

/** Command lines that ask for a text, and its first words. */
const ASKED: [words: string[], begins: string][] = [
  [[], `respipe ${VERSION}: `],
  [["--help"], `respipe ${VERSION}: `],
  [["help"], `respipe ${VERSION}: `],
  [["help", "load"], "respipe load: "],
  [["help", "help"], `respipe ${VERSION}: `],
  [["help", "--help"], `respipe ${VERSION}: `],
  [["help", "completions"], "respipe completions: "],
  [["completions", "--help"], "respipe completions: "],
  [["load", "--version"], `respipe ${VERSION}\n`],
  [["pipe", "--help"], "respipe pipe: "],
  [["load", "-p", "1", "--nonsense", "--help"], "respipe load: "],
  [["--version"], `respipe ${VERSION}\n`],
  [["-V"], `respipe ${VERSION}\n`],
  [["version"], `respipe ${VERSION}\n`],
  [["load", "-V"], `respipe ${VERSION}\n`],
];

for (const [words, begins] of ASKED) {
  Deno.test(`respipe ${words.join(" ")} prints and does nothing`, async () => {
    const run = await runRespipe(words, { permissions: [] });
    assertEquals([run.code, run.stderr], [0, ""]);
    assert(run.stdout.startsWith(begins), run.stdout);
  });
}

const REFUSED: [words: string[], says: RegExp][] = [
  [["laod", "f.csv"], /Unknown command "laod"; did you mean load\?/],
  [["frobnicate"], /Unknown command "frobnicate"; there are load, encode/],
  [["frobnicate", "--help"], /Unknown command "frobnicate"/],
  [["help", "laod"], /Unknown command "laod"; did you mean load\?/],
  [["completions", "bsh"], /no completions for "bsh"; did you mean bash\?/],
  [["completions"], /needs a shell: bash, fish, zsh/],
  [["--hlep"], /Unknown flag --hlep; did you mean --help\?/],
  [["-p", "7000"], /no command in front of -p/],
  [["-h"], /no command in front of -h.*-h is the host.*help is --help/],
  [["load", "-h", "--", "PING"], /-h needs its HOST; -h is the host/],
  [["--", "SET", "a", "b"], /no command in front of --;/],
  [
    ["load", "--rejcts", "f"],
    /Unknown flag --rejcts; did you mean --rejects\?/,
  ],
  [["load", "f.csv"], /There is no command; write it after --/],
];

for (const [words, says] of REFUSED) {
  Deno.test(`respipe ${words.join(" ")} is one sentence and exit 2`, async () => {
    const run = await runRespipe(words, { permissions: [] });
    assertEquals([run.code, run.stdout], [2, ""]);
    assertMatch(run.stderr, says);
    assertMatch(run.stderr, /^respipe: [^\n]+\n$/);
  });
}
