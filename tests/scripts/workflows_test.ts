import { assert, assertEquals, assertMatch } from "@std/assert";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { TARGETS } from "../../scripts/compile_targets.ts";
import denoJson from "../../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = `${ROOT}/.github/workflows`;

const workflows = ["ci.yml", "release.yml"].map((name) => {
  const text = Deno.readTextFileSync(`${FOLDER}/${name}`);
  return { name, text };
});

function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1]);
}

for (const { name, text } of workflows) {
  Deno.test(`${name}: every task, script and test that it calls exists`, () => {
    const tasks = all(text, /deno task ([\w:-]+)/g);
    assert(tasks.length > 0);
    for (const task of tasks) assert(task in denoJson.tasks, task);
    for (const path of all(text, /\s((?:tests|scripts)\/[\w./-]+)/g)) {
      assert(existsSync(`${ROOT}/${path}`), path);
    }
  });

  Deno.test(`${name}: every action is pinned by its major version`, () => {
    const uses = all(text, /\buses: (\S+)/g);
    assert(uses.length > 0);
    for (const action of uses) {
      if (action.startsWith("./")) assert(existsSync(`${ROOT}/${action}`));
      else assertMatch(action, /^[\w-]+\/[\w-]+@v\d+$/);
    }
  });

  Deno.test(`${name}: a job waits for jobs that there are`, () => {
    const jobs = all(text.slice(text.indexOf("\njobs:")), /^ {2}(\w+):$/gm);
    assert(jobs.length > 0);
    for (const job of all(text, /\bneeds: (\w+)/g)) {
      assert(jobs.includes(job), job);
    }
  });
}

for (const { name, text } of workflows) {
  Deno.test(`${name}: every job that runs has a limit of time`, () => {
    const jobs = text.slice(text.indexOf("\njobs:")).split(/^ {2}(?=\w+:$)/m);
    for (const job of jobs.slice(1)) {
      // A job that calls a workflow has that one's limits.
      if (job.includes("    uses: ./")) continue;
      assertMatch(job, /^ {4}timeout-minutes: \d+$/m, job.split(":")[0]);
    }
  });

  Deno.test(`${name}: runs of one branch or tag do not overtake each other`, () => {
    // Not by the workflow's name, which is the caller's where one is called.
    const group = `${name.replace(".yml", "")}-\${{ github.ref }}`;
    assert(text.includes(`\nconcurrency:\n  group: ${group}\n`));
  });
}

Deno.test("release.yml publishes in jobs that can be run again, the release last", () => {
  const [, jsr, release] = /^ {2}jsr:$([^]*)^ {2}release:$([^]*)/m
    .exec(workflows[1].text) ?? [];
  assertMatch(jsr, /needs: smoke\n[^]*run: deno publish\n/);
  assertMatch(release, /needs: jsr\n/);
  assertMatch(release, /release view[^\n]+\|\|\s+gh release create/);
  assertMatch(release, /release upload .* --clobber/);
});

Deno.test("release.yml tries every binary that is made", () => {
  const { text } = workflows[1];
  assertEquals(all(text, /\btarget: (\S+)/g), [...TARGETS]);
});
