import { assertEquals, assertThrows } from "@std/assert";
import { parse } from "@std/csv";
import type { KeptFile } from "../../src/engine/load_state.ts";
import { RejectFiles } from "../../src/engine/reject_files.ts";
import type { Reject } from "../../src/engine/reject.ts";
import { UsageError } from "../../src/errors.ts";
import { TempFiles } from "../support/temp_files.ts";

const encoder = new TextEncoder();

function reject(bytes: string, more: Partial<Reject> = {}): Reject {
  return {
    source: "users.csv",
    record: 1,
    line: 2,
    offset: 8,
    error: "ERR no",
    bytes: encoder.encode(bytes),
    kind: "CSV",
    header: encoder.encode("id,name\n"),
    ...more,
  };
}

function names(files: TempFiles): string[] {
  return [...Deno.readDirSync(files.path)].map(({ name }) => name).sort();
}

function read(path: string): string {
  return new TextDecoder("latin1").decode(Deno.readFileSync(path));
}

Deno.test("rejects keep their bytes, under their header", () => {
  using files = new TempFiles();
  const path = `${files.path}/rejects.csv`;
  const rejects = new RejectFiles(path, []);
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  rejects.add(reject("1,An\r\n"), true);
  rejects.add(reject('2,"two\nlines"\n'), true);
  rejects.add(reject("", { bytes: new Uint8Array([...all, 0x0a]) }), true);
  assertEquals(rejects.close(), [{ path, records: 3 }]);
  const latin1 = String.fromCharCode(...all);
  assertEquals(
    [...Deno.readFileSync(path)],
    [...`id,name\n1,An\r\n2,"two\nlines"\n${latin1}\n`]
      .map((character) => character.charCodeAt(0)),
  );
});

Deno.test("the report names each reject's place, command and error", () => {
  using files = new TempFiles();
  const path = `${files.path}/rejects.csv`;
  const rejects = new RejectFiles(path, []);
  const error = 'ERR "quoted", and\nmore';
  rejects.add(
    reject("1,a\n", { command: 'SET a "b c"', error, failed: "1 of 2" }),
    true,
  );
  const place = { source: "my, file.csv", record: 12, line: 34, offset: 567 };
  rejects.add(reject("2\n", place), true);
  rejects.close();
  assertEquals(parse(read(`${path}.errors.csv`)), [
    ["file", "record", "line", "offset", "command", "error", "failed"],
    ["users.csv", "1", "2", "8", 'SET a "b c"', error, "1 of 2"],
    ["my, file.csv", "12", "34", "567", "", "ERR no", ""],
  ]);
});

Deno.test("a source's last record without a line break gets one when needed", () => {
  using files = new TempFiles();
  const path = `${files.path}/r`;
  const rejects = new RejectFiles(path, []);
  for (const bytes of ["1,a", "2,b\n", "3,c"]) rejects.add(reject(bytes), true);
  rejects.close();
  assertEquals(read(path), "id,name\n1,a\n2,b\n3,c");
});

Deno.test("rejects without a header get none", () => {
  using files = new TempFiles();
  const path = `${files.path}/r`;
  const rejects = new RejectFiles(path, []);
  rejects.add(reject("1,a\n", { header: new Uint8Array() }), true);
  rejects.close();
  assertEquals(read(path), "1,a\n");
});

Deno.test("each header has a file of its own", () => {
  using files = new TempFiles();
  const path = `${files.path}/r`;
  const rejects = new RejectFiles(path, []);
  const other = encoder.encode("id;name\n");
  rejects.add(reject("1,a\n"), true);
  rejects.add(reject("2;b", { header: other }), true);
  rejects.add(reject("3,c\n", { header: encoder.encode("id,name\n") }), true);
  rejects.add(reject("4;d\n", { header: other }), true);
  rejects.add(reject("x\n", { header: new Uint8Array() }), true);
  assertEquals(rejects.close(), [
    { path, records: 2 },
    { path: `${path}.2`, records: 2 },
    { path: `${path}.3`, records: 1 },
  ]);
  assertEquals(read(path), "id,name\n1,a\n3,c\n");
  assertEquals(read(`${path}.2`), "id;name\n2;b\n4;d\n");
  assertEquals(read(`${path}.3`), "x\n");
  assertEquals(read(`${path}.errors.csv`).split("\r\n").length, 7);
});

Deno.test("a further file is not one that is being read", () => {
  using files = new TempFiles();
  const path = `${files.path}/r`;
  const input = files.write("r.2", "precious\n");
  const rejects = new RejectFiles(path, [input, "-"]);
  rejects.add(reject("1,a\n"), true);
  rejects.add(reject("2;b\n", { header: encoder.encode("id;name\n") }), true);
  assertEquals(rejects.close().map((file) => file.path), [path, `${path}.3`]);
  assertEquals(read(input), "precious\n");
});

Deno.test("without rejects no files are left", () => {
  using files = new TempFiles();
  const rejects = new RejectFiles(`${files.path}/r`, []);
  assertEquals(names(files), ["r", "r.errors.csv"]);
  assertEquals(rejects.close(), []);
  assertEquals(names(files), []);
});

Deno.test("an input is never overwritten, by whatever name", () => {
  using files = new TempFiles();
  const input = files.write("in.csv", "precious\n");
  const report = files.write("x.errors.csv", "precious\n");
  Deno.symlinkSync(input, `${files.path}/soft`);
  Deno.linkSync(input, `${files.path}/hard`);
  for (const name of ["in.csv", "./in.csv", "soft", "hard", "x"]) {
    const error = assertThrows(
      () => new RejectFiles(`${files.path}/${name}`, [input, report]),
      UsageError,
      "it is an input file",
    );
    assertEquals(error.flag, "--rejects");
  }
  assertEquals(read(input), "precious\n");
  assertEquals(read(report), "precious\n");
  assertEquals(names(files), ["hard", "in.csv", "soft", "x.errors.csv"]);
});

Deno.test("a report that cannot be written leaves no empty file behind", () => {
  using files = new TempFiles();
  Deno.mkdirSync(`${files.path}/r.errors.csv`);
  // A file left open would fail the test besides.
  const error = assertThrows(
    () => new RejectFiles(`${files.path}/r`, []),
    UsageError,
    "Cannot write ",
  );
  assertEquals(error.flag, "--rejects");
  assertEquals(names(files), ["r.errors.csv"]);
});

Deno.test("many rejects come out in order", () => {
  using files = new TempFiles();
  const path = `${files.path}/r`;
  const rejects = new RejectFiles(path, []);
  let all = "id,name\n";
  for (let i = 0; i < 20_000; i++) {
    rejects.add(reject(`${i},name ${i}\n`, { record: i + 1 }), i % 700 === 0);
    all += `${i},name ${i}\n`;
  }
  rejects.close();
  assertEquals(read(path) === all, true);
  const report = parse(read(`${path}.errors.csv`));
  assertEquals(report.length, 20_001);
  assertEquals(report[20_000][1], "20000");
});

Deno.test("a load that goes on appends to the files, each under its header", () => {
  using files = new TempFiles();
  const path = `${files.path}/r`;
  const other = { header: encoder.encode("other\n") };
  const first = new RejectFiles(path, []);
  first.add(reject("1,a\n"), true);
  first.add(reject("2", other), true);
  const kept = first.files();
  // Behind the checkpoint: a run that is killed does not get to close.
  first.add(reject("3,c\n"), true);
  first.add(reject("4", other), true);
  first.close();
  const second = new RejectFiles(path, [], kept);
  second.add(reject("5\n", other), true);
  second.add(reject("6,f\n"), true);
  assertEquals(second.close(), [
    { path, records: 1 },
    { path: `${path}.2`, records: 1 },
  ]);
  assertEquals(read(path), "id,name\n1,a\n6,f\n");
  assertEquals(read(`${path}.2`), "other\n2\n5\n");
  assertEquals(
    parse(read(`${path}.errors.csv`)).map(([file]) => file),
    ["file", ...Array(4).fill("users.csv")],
  );
  // Without further rejects they stay.
  const third = new RejectFiles(path, [], second.files());
  assertEquals(third.close(), []);
  assertEquals(read(path), "id,name\n1,a\n6,f\n");
});

Deno.test("a file is kept over loads that have nothing to add to it", () => {
  using files = new TempFiles();
  const path = `${files.path}/r.csv`;
  const other = { header: encoder.encode("k\n") };
  let kept: KeptFile[] = [];
  for (const rejected of [[reject("1,a\n"), reject("b\n", other)], []]) {
    const rejects = new RejectFiles(path, [], kept);
    for (const one of rejected) rejects.add(one, true);
    kept = rejects.files();
    rejects.close();
  }
  const last = new RejectFiles(path, [], kept);
  last.add(reject("c\n", other), true);
  last.close();
  assertEquals(read(path), "id,name\n1,a\n");
  assertEquals(read(`${path}.2`), "k\nb\nc\n");
});

Deno.test("files that were mended and taken away meanwhile are begun anew", () => {
  using files = new TempFiles();
  const path = `${files.path}/r`;
  const first = new RejectFiles(path, []);
  first.add(reject("1,a\n"), true);
  const kept = first.files();
  first.close();
  Deno.removeSync(path);
  const second = new RejectFiles(path, [], kept);
  second.add(reject("2,b\n"), true);
  second.close();
  assertEquals(read(path), "id,name\n2,b\n");
});
