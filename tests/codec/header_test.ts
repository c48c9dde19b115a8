import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseDialect } from "../../src/codec/dialect.ts";
import { Header } from "../../src/codec/header.ts";
import { UsageError } from "../../src/errors.ts";
import { latin1Bytes } from "../support/latin1.ts";
import { latin1Text, readAll } from "../support/read_all.ts";

/** The header in the first record of a CSV, one character for each byte. */
function headerOf(text: string): Header {
  let header: Header | undefined;
  // The pieces are read through buffers that are written over afterwards, so
  // the names must have been copied.
  const pieces = [...latin1Bytes(text + "\n1\n2\n3\n")].map((byte) =>
    Uint8Array.of(byte)
  );
  readAll(pieces, { dialect: parseDialect() }, "move", ({ record }) => {
    header ??= Header.fromRecord(record);
  });
  return header!;
}

Deno.test("a header keeps each name's bytes, and shows them as text", () => {
  const rows: [text: string, names: string[], labels: string[]][] = [
    ["id,name", ["id", "name"], ["id", "name"]],
    ["\xef\xbb\xbfid", ["id"], ["id"]],
    ['"say ""hi""","a,b"', ['say "hi"', "a,b"], ['say "hi"', "a,b"]],
    ["Gr\xc3\xb6\xc3\x9fe,", ["Gr\xc3\xb6\xc3\x9fe", ""], ["Größe", ""]],
    ["Gr\xf6\xdfe,id", ["Gr\xf6\xdfe", "id"], ["Größe", "id"]],
    ["id,name\r", ["id", "name"], ["id", "name"]],
  ];
  for (const [text, names, labels] of rows) {
    const header = headerOf(text);
    assertEquals(header.names.map(latin1Text), names, text);
    assertEquals(header.labels, labels, text);
    assertEquals(header.length, names.length, text);
    assert(header.named);
  }
});

Deno.test("names that a user gives become UTF-8", () => {
  const header = Header.named(["Größe", "id"]);
  assertEquals(header.names.map(latin1Text), ["Gr\xc3\xb6\xc3\x9fe", "id"]);
  assertEquals(header.column("Größe"), 0);
});

Deno.test("a column is found by name, or by a number counting from 1", () => {
  const header = Header.named(["id", "name", "a b", "0", "Id", "007"]);
  const rows: [reference: string, column: number][] = [
    ["id", 0],
    ["name", 1],
    ["a b", 2],
    ["0", 3],
    ["Id", 4],
    ["007", 5],
    ["1", 0],
    ["6", 5],
  ];
  for (const [reference, column] of rows) {
    assertEquals(header.column(reference), column, reference);
  }
});

Deno.test("columns without names are found by number only", () => {
  const header = Header.numbered(3);
  assertEquals([header.length, header.named], [3, false]);
  assertEquals(header.column("3"), 2);
  assertThrows(() => header.column("4"), UsageError, "only 3 columns");
  assertThrows(() => header.column("id"), UsageError, "{1} to {3}");
});

Deno.test("a column that is not there, or not its own, is refused with the columns there are", () => {
  const rows: [names: string[], reference: string, message: string][] = [
    [["id", "name"], "uid", "{uid}: there is no such column; the columns are"],
    [["id", "name"], "uid", "the columns are: id, name"],
    [["id", "name"], "ID", "did you mean {id}?"],
    [["id", "name"], " name ", "did you mean {name}?"],
    [["id ", "name"], "id", "did you mean {id }?"],
    [["id", "name"], "3", "{3}: there are only 2 columns; the columns are"],
    [["id", "name"], "99999999999999999999", "there are only 2 columns"],
    [["id"], "2", "{2}: there is only 1 column; the columns are: id"],
    [["a", "b", "a"], "a", '"a": --columns names it twice (columns 1 and 3)'],
    [["a", "a"], "a", "write {1} or {2}, or give each a name of its own"],
    [["a", ""], "", "write {2}, or leave it out with {*-2}, or name"],
    [["id", "name"], "0", "there is no such column"],
    [["id", "name"], "-1", "there is no such column"],
    [["id", "name"], "toString", "there is no such column"],
  ];
  for (const [names, reference, message] of rows) {
    const header = Header.named(names);
    assertThrows(
      () => header.column(reference),
      UsageError,
      message,
      `${reference} in ${names}`,
    );
  }
});

Deno.test("a number reaches a column whose name is empty or stands twice", () => {
  const header = headerOf("a,,a");
  assertEquals(["1", "2", "3"].map((n) => header.column(n)), [0, 1, 2]);
  assertThrows(() => header.requireUsable(1), UsageError, "column 2: its name");
  assertThrows(
    () => header.requireUsable(0),
    UsageError,
    '"a": the header names it twice (columns 1 and 3); write {1} or {3}, or ' +
      "name the columns with --columns A,B,... --skip-lines 1",
  );
});

Deno.test("a message lists thirty columns and says how many more there are", () => {
  const names = Array.from({ length: 42 }, (_, i) => `c${i + 1}`);
  const { message } = assertThrows(
    () => Header.named(names).column("x"),
    UsageError,
  );
  assert(message.endsWith("c29, c30 and 12 more"), message);
});

Deno.test("a message has only the start of a long name", () => {
  const long = "x".repeat(1000);
  const header = headerOf(`${long},${long},id`);
  const start = `${"x".repeat(60)}...`;
  const missing = assertThrows(() => header.column("uid"), UsageError).message;
  assert(missing.endsWith(`the columns are: ${start}, ${start}, id`), missing);
  const twice = assertThrows(() => header.requireUsable(0), UsageError).message;
  assert(twice.startsWith(`Cannot use column "${start}": the header`), twice);
});

Deno.test("headers are equal when they have the same names in the same order", () => {
  const header = Header.named(["id", "name"]);
  const table: [Header, boolean][] = [
    [Header.named(["id", "name"]), true],
    [Header.named(["name", "id"]), false],
    [Header.named(["id", "nam"]), false],
    [Header.named(["id", "name", "x"]), false],
    [Header.named(["id"]), false],
    [Header.numbered(2), false],
  ];
  for (const [other, isEqual] of table) {
    assertEquals(header.equals(other), isEqual, other.labels.join());
    assertEquals(other.equals(header), isEqual, other.labels.join());
  }
  assertEquals(Header.numbered(2).equals(Header.numbered(2)), true);
  assertEquals(Header.numbered(2).equals(Header.numbered(3)), false);
});
