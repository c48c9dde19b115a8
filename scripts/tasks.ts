import { existsSync } from "node:fs";
import { join } from "node:path";
import { runDeno } from "./run_child.ts";
import { ROOT } from "./checkout.ts";
import { importMapFlags, type StdSource, stdVariables } from "./std_source.ts";
import {
  formatTally,
  readTally,
  settleTally,
  type Tally,
} from "./test_tally.ts";

/** What a task has to work with. */
export interface TaskContext {
  /** Where `@std/*` comes from. */
  source: StdSource;
  /** The words after the task's name. */
  args: readonly string[];
}

/** Runs one task; gives the exit code. */
export type Task = (context: TaskContext) => Promise<number>;

const CHECKED = ["mod.ts", "src", "tests", "scripts"];
const TESTED = ["mod.ts", "src", "tests"];

/** A deno subcommand in the checkout, with the import map of the source. */
function deno(
  subcommand: readonly string[],
  rest: readonly string[],
  { source }: TaskContext,
  more: { cwd?: string; onLine?: (line: string) => void } = {},
): Promise<number> {
  const flags = ["--no-lock", ...importMapFlags(source)];
  return runDeno([...subcommand, ...flags, ...rest], {
    cwd: ROOT,
    env: stdVariables(source),
    ...more,
  });
}

/** A script of ours, in the folder that the user stands in. */
function script(path: string, context: TaskContext): Promise<number> {
  // `deno task` moves to the checkout, and leaves the way back in INIT_CWD.
  const cwd = Deno.env.get("INIT_CWD") ?? Deno.cwd();
  return deno(["run", "-A"], [`${ROOT}/${path}`, ...context.args], context, {
    cwd,
  });
}

const check: Task = async (context) =>
  await deno(["check"], CHECKED, context) || await checkPure();

/** Checks the pure layers without Deno's types: see scripts/layers.ts. */
function checkPure(): Promise<number> {
  const flags = ["--quiet", "--no-lock", "--config", "scripts/pure.json"];
  return runDeno(["check", ...flags, "src/protocol", "src/codec"], {
    cwd: ROOT,
  });
}

const layers: Task = (context) =>
  deno(["run", "-A"], ["scripts/check_layers.ts"], context);

// Public symbols without a description, a type or an exported type.
const docs: Task = ({ source }) =>
  runDeno(["doc", "--lint", ...importMapFlags(source), "mod.ts"], {
    cwd: ROOT,
    env: stdVariables(source),
  });

const test: Task = async (context) => {
  const paths = context.args.some(isPath) ? [] : TESTED;
  let tally: Tally | undefined;
  const code = await deno(
    ["test", "-A", "--doc"],
    [...context.args, ...paths],
    context,
    { onLine: (line) => tally = readTally(line) ?? tally },
  );
  const settled = settleTally(tally, code);
  console.log(formatTally(settled));
  return settled.failed > 0 ? code || 1 : code;
};

/** Tells `tests/cli` from the word after `--filter`. */
function isPath(word: string): boolean {
  return !word.startsWith("-") && existsSync(join(ROOT, word));
}

const STEPS: readonly [name: string, task: Task][] = [
  ["fmt", () => runDeno(["fmt", "--check"], { cwd: ROOT })],
  ["lint", () => runDeno(["lint", "--quiet"], { cwd: ROOT })],
  ["check", check],
  ["layers", layers],
  ["docs", docs],
  ["test", test],
];

/** Every step in turn, up to the first that fails; `--no-test` skips tests. */
const ok: Task = async (context) => {
  const steps = context.args.includes("--no-test")
    ? STEPS.filter(([name]) => name !== "test")
    : STEPS;
  const done: string[] = [];
  for (const [name, task] of steps) {
    console.error(`ok: ${name}`);
    const code = await task({ ...context, args: [] });
    if (code !== 0) {
      console.error(
        `ok: ${name} FAILED (passed: ${done.join(", ") || "none"})`,
      );
      return code;
    }
    done.push(name);
  }
  console.error(`ok: all passed (${done.join(", ")})`);
  return 0;
};

/** What `dev.ts` can do. */
export const TASKS: Readonly<Record<string, Task>> = {
  bench: (context) => deno(["bench", "-A"], ["tests/bench"], context),
  "bench:cluster": (context) => script("scripts/bench_cluster.ts", context),
  "bench:link": (context) => script("scripts/bench_link.ts", context),
  "bench:load": (context) => script("scripts/bench_load.ts", context),
  check,
  compile: (context) => script("scripts/compile.ts", context),
  demo: (context) => script("scripts/demo.ts", context),
  layers,
  memory: (context) => script("scripts/memory.ts", context),
  ok,
  run: (context) => script("mod.ts", context),
  test,
};
