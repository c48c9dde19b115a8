import { assertEquals, assertThrows } from "@std/assert";
import { parseArguments } from "../../src/cli/args.ts";
import type { CommandName } from "../../src/cli/flags.ts";
import { UsageError } from "../../src/errors.ts";

/** What a command line comes to; what is not listed is empty. */
interface Sorted {
  files?: string[];
  flags?: Record<string, unknown>;
  template?: string[];
  isMeant?: boolean;
}

const GOOD: [words: string[], sorted: Sorted][] = [
  [[], {}],
  [["-"], { files: ["-"] }],
  [["a.csv", "-", "b.csv"], { files: ["a.csv", "-", "b.csv"] }],
  [["5", "0x10", "1e3", "007", "true"], {
    files: ["5", "0x10", "1e3", "007", "true"],
  }],
  [["-p", "7000"], { flags: { port: 7000 } }],
  [["--port", "7000"], { flags: { port: 7000 } }],
  [["--port=7000"], { flags: { port: 7000 } }],
  [["-n", "007"], { flags: { db: 7 } }],
  [["-a", "-secret"], { flags: { pass: "-secret" } }],
  [["--pass=a=b=c"], { flags: { pass: "a=b=c" } }],
  [["--pass==x"], { flags: { pass: "=x" } }],
  [["--pass=--port=5"], { flags: { pass: "--port=5" } }],
  [["--pass", "--port=5"], { flags: { pass: "--port=5" } }],
  [["-a", ""], { flags: { pass: "" } }],
  [["--pass="], { flags: { pass: "" } }],
  [["--quote", "", "a.csv"], { flags: { quote: "" }, files: ["a.csv"] }],
  [["--quote=", "a.csv"], { flags: { quote: "" }, files: ["a.csv"] }],
  [["--quote", "'"], { flags: { quote: "'" } }],
  [["--delimiter", "-"], { flags: { delimiter: "-" } }],
  [["--delimiter", ";", "-h", "true"], {
    flags: { delimiter: ";", host: "true" },
  }],
  [["-h", "::1"], { flags: { host: "::1" } }],
  [["--columns", "a,b c,d"], { flags: { columns: ["a", "b c", "d"] } }],
  [["--idle-timeout", "0.5"], { flags: { "idle-timeout": 500 } }],
  [["--no-header"], { flags: { "no-header": true } }],
  [["--no-header", "a.csv"], {
    flags: { "no-header": true },
    files: ["a.csv"],
  }],
  [["--dry-run"], { flags: { "dry-run": 5 } }],
  [["--dry-run", "20", "7"], { flags: { "dry-run": 20 }, files: ["7"] }],
  [["--dry-run=20"], { flags: { "dry-run": 20 } }],
  [["--dry-run", "a.csv"], { flags: { "dry-run": 5 }, files: ["a.csv"] }],
  [["--dry-run", "--json"], { flags: { "dry-run": 5, json: true } }],
  [["--dry-run", "--", "20"], { flags: { "dry-run": 5 }, template: ["20"] }],
  [["--json", "true"], { flags: { json: true }, files: ["true"] }],
  [["--quiet", "false"], { flags: { quiet: true }, files: ["false"] }],
  [["--json", "--quiet"], { flags: { json: true, quiet: true } }],
  [["--then", "SET a b"], { flags: { then: [["SET", "a", "b"]] } }],
  [["--then", "A\nB", "--then=C =D"], {
    flags: { then: [["A", "B"], ["C", "=D"]] },
  }],
  [["--then", "a", "--then", "a"], { flags: { then: [["a"], ["a"]] } }],
  [["--end-marker", "count"], { flags: { "end-marker": "count" } }],
  [["--", "SET", "a", "b"], { template: ["SET", "a", "b"] }],
  [["--"], { template: [] }],
  [["f", "--", "SET", "-p", "--", "--json"], {
    files: ["f"],
    template: ["SET", "-p", "--", "--json"],
  }],
  [["--", "--", "SET", "--"], { template: ["SET", "--"], isMeant: true }],
  [["--", "--"], { template: [], isMeant: true }],
  [["-p", "1", "f", "--limit=3", "g", "--json", "--", "X"], {
    files: ["f", "g"],
    flags: { port: 1, limit: 3, json: true },
    template: ["X"],
  }],
  [["-h", "constructor", "__proto__"], {
    flags: { host: "constructor" },
    files: ["__proto__"],
  }],
];

for (const [words, sorted] of GOOD) {
  Deno.test(`parseArguments sorts ${JSON.stringify(words)}`, () => {
    const { written, ...parsed } = parseArguments("load", words);
    assertEquals<unknown>(
      parsed,
      { files: [], flags: {}, template: undefined, isMeant: false, ...sorted },
    );
    const split = words.indexOf("--");
    assertEquals(
      [...written.flatMap((flag) => flag.words), ...parsed.files].sort(),
      (split === -1 ? words : words.slice(0, split)).toSorted(),
    );
  });
}

const BAD: [command: CommandName, words: string[], says: string][] = [
  ["load", ["-p"], "-p needs its PORT"],
  ["load", ["--port"], "--port needs its PORT"],
  ["load", ["-p", "-n", "3"], "-p needs its PORT"],
  ["load", ["-n", "-5"], 'Cannot parse -n "-5"'],
  ["load", ["--retry", "-1"], "as in 30 or 0.5; 0 is not to wait"],
  ["load", ["--stall-timeout", "-1"], "as in 30 or 0.5; 0 is no limit"],
  ["load", ["--dry-run="], 'Cannot parse --dry-run ""'],
  ["load", ["--end-marker", "x"], "must be one of echo, ping, count"],
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
  ["load", ["--headers"], "Unknown flag --headers"],
  ["load", ["--coalesce"], "Unknown flag --coalesce"],
  ["encode", ["--coalesce"], "Unknown flag --coalesce"],
  ["load", ["--constructor"], "Unknown flag --constructor"],
  ["load", ["-h", "cache:6379"], "write -h cache -p 6379"],
  ["load", ["-h", "[::1]:6379"], "write -h ::1 -p 6379"],
  ["load", ["-h", ":6379"], "write -p 6379"],
  ["load", ["-h", "redis://u:p@h"], "a server's URI is given with -u"],
  ["load", ["--rejects", "-"], "must be the name of a file"],
  ["load", ["--rejects", "/dev/stderr"], "must be the name of a file"],
  ["load", ["--rejects="], "must be the name of a file"],
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
