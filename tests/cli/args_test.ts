import { assertEquals, assertThrows } from "@std/assert";
import { parseArguments } from "../../src/cli/args.ts";
import type { CommandName } from "../../src/cli/flags.ts";
import { UsageError } from "../../src/errors.ts";

/** What a command line comes to; what is not listed is empty. */
interface Sorted {
  files?: string[];
  values?: Record<string, string>;
  lists?: Record<string, string[]>;
  switches?: string[];
  template?: string[];
}

const GOOD: [words: string[], sorted: Sorted][] = [
  [[], {}],
  [["-"], { files: ["-"] }],
  [["a.csv", "-", "b.csv"], { files: ["a.csv", "-", "b.csv"] }],
  [["5", "0x10", "1e3", "007", "true"], {
    files: ["5", "0x10", "1e3", "007", "true"],
  }],
  [["-p", "7000"], { values: { port: "7000" } }],
  [["--port", "7000"], { values: { port: "7000" } }],
  [["--port=7000"], { values: { port: "7000" } }],
  [["-n", "007"], { values: { db: "007" } }],
  [["-n", "-5"], { values: { db: "-5" } }],
  [["-a", "-secret"], { values: { pass: "-secret" } }],
  [["--pass=a=b=c"], { values: { pass: "a=b=c" } }],
  [["--pass==x"], { values: { pass: "=x" } }],
  [["--pass=--port=5"], { values: { pass: "--port=5" } }],
  [["-a", ""], { values: { pass: "" } }],
  [["--pass="], { values: { pass: "" } }],
  [["--quote", "", "a.csv"], { values: { quote: "" }, files: ["a.csv"] }],
  [["--quote=", "a.csv"], { values: { quote: "" }, files: ["a.csv"] }],
  [["--quote", "'"], { values: { quote: "'" } }],
  [["--delimiter", "-"], { values: { delimiter: "-" } }],
  [["--delimiter", ";", "-h", "true"], {
    values: { delimiter: ";", host: "true" },
  }],
  [["--columns", "a,b c,d"], { values: { columns: "a,b c,d" } }],
  [["--no-header"], { switches: ["no-header"] }],
  [["--no-header", "a.csv"], { switches: ["no-header"], files: ["a.csv"] }],
  [["--dry-run"], { values: { "dry-run": "5" } }],
  [["--dry-run", "20", "7"], { values: { "dry-run": "20" }, files: ["7"] }],
  [["--dry-run=20"], { values: { "dry-run": "20" } }],
  [["--dry-run="], { values: { "dry-run": "" } }],
  [["--dry-run", "a.csv"], { values: { "dry-run": "5" }, files: ["a.csv"] }],
  [["--dry-run", "--json"], {
    values: { "dry-run": "5" },
    switches: ["json"],
  }],
  [["--dry-run", "--", "20"], {
    values: { "dry-run": "5" },
    template: ["20"],
  }],
  [["--json", "true"], { switches: ["json"], files: ["true"] }],
  [["--quiet", "false"], { switches: ["quiet"], files: ["false"] }],
  [["--json", "--quiet"], { switches: ["json", "quiet"] }],
  [["--then", "SET a b"], { lists: { then: ["SET a b"] } }],
  [["--then", "A\nB", "--then=C =D"], { lists: { then: ["A\nB", "C =D"] } }],
  [["--then", "a", "--then", "a"], { lists: { then: ["a", "a"] } }],
  [["--", "SET", "a", "b"], { template: ["SET", "a", "b"] }],
  [["--"], { template: [] }],
  [["f", "--", "SET", "-p", "--", "--json"], {
    files: ["f"],
    template: ["SET", "-p", "--", "--json"],
  }],
  [["-p", "1", "f", "--limit=3", "g", "--json", "--", "X"], {
    files: ["f", "g"],
    values: { port: "1", limit: "3" },
    switches: ["json"],
    template: ["X"],
  }],
  [["-h", "constructor", "__proto__"], {
    values: { host: "constructor" },
    files: ["__proto__"],
  }],
];

for (const [words, sorted] of GOOD) {
  Deno.test(`parseArguments sorts ${JSON.stringify(words)}`, () => {
    const { files, values, lists, switches, template } = parseArguments(
      "load",
      words,
    );
    assertEquals(
      {
        files: [...files],
        values: Object.fromEntries(values),
        lists: Object.fromEntries([...lists].map(([k, v]) => [k, [...v]])),
        switches: [...switches].sort(),
        template: template && [...template],
      },
      {
        files: sorted.files ?? [],
        values: sorted.values ?? {},
        lists: sorted.lists ?? {},
        switches: sorted.switches ?? [],
        template: sorted.template,
      },
    );
  });
}

const BAD: [command: CommandName, words: string[], says: string][] = [
  ["load", ["-p"], "-p needs its PORT"],
  ["load", ["--port"], "--port needs its PORT"],
  ["load", ["-p", "-n", "3"], "-p needs its PORT"],
  ["load", ["-p", "--"], "-p needs its PORT"],
  ["load", ["-h"], "help is --help"],
  ["load", ["--host", "--json"], "--host needs its HOST"],
  ["load", ["-p", "1", "--port", "2"], "--port is given twice"],
  ["load", ["--json", "--json"], "--json is given twice"],
  ["load", ["--dry-run", "5", "--dry-run"], "--dry-run is given twice"],
  ["load", ["--dryrun"], "did you mean --dry-run?"],
  ["load", ["--rejcts", "f"], "did you mean --rejects?"],
  ["load", ["-5"], "Unknown flag -5"],
  ["encode", ["--dry-run"], "--dry-run is not a flag of respipe encode"],
  ["load", ["--json=yes"], "--json takes no value"],
  ["load", ["--no-header=false"], "--no-header takes no value"],
  ["load", ["--delimter", ";"], "did you mean --delimiter?"],
  ["load", ["--hlep"], "did you mean --help?"],
  ["load", ["--nonsense"], "Unknown flag --nonsense"],
  ["load", ["-x"], "Unknown flag -x"],
  ["load", ["-p7000"], "write -p 7000"],
  ["load", ["-p=7000"], "-p"],
  ["load", ["--header"], "Unknown flag --header"],
  ["load", ["--no-json"], "Unknown flag --no-json"],
  ["load", ["---port", "1"], "Unknown flag ---port"],
  ["encode", ["-p", "7000"], "-p is not a flag of respipe encode, but of load"],
  ["encode", ["--json"], "--json is not a flag of respipe encode"],
  ["pipe", ["--then", "X"], "--then is not a flag of respipe pipe"],
  ["pipe", ["--limit=5"], "--limit is not a flag of respipe pipe"],
];

for (const [command, words, says] of BAD) {
  Deno.test(`parseArguments refuses ${command} ${words.join(" ")}`, () => {
    assertThrows(() => parseArguments(command, words), UsageError, says);
  });
}
