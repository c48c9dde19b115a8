/**
 * Plain records at once, and the row encoder for each by itself, against two
 * obvious ways: `encodeCommand` on each row's
 * fields, and `@std/csv` with template literals. One iteration reads and
 * encodes 1 MiB of CSV; the first line of each group only reads it, and is to
 * be taken off the others. (Records that were read before would be views all
 * over the heap, and fetching those takes longer than encoding them.)
 *
 * @module
 */
import { parse } from "@std/csv";
import { CsvReader } from "../../src/codec/csv_reader.ts";
import { parseDialect } from "../../src/codec/dialect.ts";
import { Header } from "../../src/codec/header.ts";
import type { RecordView } from "../../src/codec/record.ts";
import { OVERRUN } from "../../src/codec/record_writer.ts";
import { RowEncoder } from "../../src/codec/row_encoder.ts";
import { Step } from "../../src/codec/step.ts";
import { compileTemplate, type Template } from "../../src/codec/template.ts";
import { ByteBuffer } from "../../src/protocol/byte_buffer.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { benchRows } from "../support/bench_rows.ts";

/** Bytes of RESP after which the output is begun anew, as for each batch. */
const BATCH_LENGTH = 1024 * 1024;

const textEncoder = new TextEncoder();

function forEachRecord(
  bytes: Uint8Array,
  length: number,
  use: (record: RecordView) => void,
): void {
  const reader = new CsvReader({ dialect: parseDialect() });
  reader.feed(bytes, 0, length);
  while (reader.next() === Step.Record) use(reader.record);
}

/** The obvious way; for templates without `{*-...}`. */
function encodeFields(
  { commands, header }: Template,
  record: RecordView,
  out: ByteBuffer,
): void {
  const decoder = new TextDecoder();
  for (const command of commands) {
    const args: (string | Uint8Array)[] = [];
    for (const argument of command) {
      if (argument.kind === "pairs") {
        for (const column of argument.columns) {
          args.push(header.names[column], record.field(column));
        }
      } else if (argument.pieces.length === 1) {
        const [piece] = argument.pieces;
        args.push(typeof piece === "number" ? record.field(piece) : piece);
      } else {
        args.push(
          argument.pieces.map((piece) =>
            decoder.decode(
              typeof piece === "number" ? record.field(piece) : piece,
            )
          ).join(""),
        );
      }
    }
    out.push(encodeCommand(args));
  }
}

/** The script that one would write: text all the way, encoded at the end. */
function encodeText(
  bytes: Uint8Array,
  names: readonly string[],
  command: readonly string[],
): Uint8Array {
  let out = "";
  for (const row of parse(new TextDecoder().decode(bytes))) {
    const args = command.flatMap((word) =>
      word === "{*}"
        ? names.flatMap((name, at) => [name, row[at]])
        : word.replace(/\{(\w+)\}/g, (_, name) => row[names.indexOf(name)])
    );
    out += `*${args.length}\r\n`;
    for (const arg of args) {
      out += `$${textEncoder.encode(arg).length}\r\n${arg}\r\n`;
    }
  }
  return textEncoder.encode(out);
}

for (const [shape, rows] of Object.entries(benchRows(1 << 20))) {
  const { names, command, bytes, count } = rows;
  const template = compileTemplate([command], Header.named(names));
  const encoder = new RowEncoder(template);
  // As in a chunk: the encoder may read a few bytes beyond the last record.
  const chunk = new Uint8Array(bytes.length + OVERRUN);
  chunk.set(bytes);
  const out = new ByteBuffer(BATCH_LENGTH);
  const ways: Record<string, (record: RecordView) => void> = {
    "reading alone": () => {},
    "RowEncoder": (record) => encoder.encode(record, out),
    "encodeCommand": (record) => encodeFields(template, record, out),
  };
  const group = `${shape}: ${command.join(" ")}, ${count} rows`;
  for (const [name, use] of Object.entries(ways)) {
    Deno.bench({
      name,
      group,
      fn: () => {
        forEachRecord(chunk, bytes.length, (record) => {
          if (out.length >= BATCH_LENGTH) out.clear();
          use(record);
        });
      },
    });
  }
  const dialect = parseDialect();
  const fields = names.length;
  Deno.bench({
    name: "encodePlain",
    group,
    baseline: true,
    fn: () => {
      const reader = new CsvReader({ dialect, fields });
      reader.feed(chunk, 0, bytes.length);
      for (;;) {
        reader.encodePlain(encoder, out, Infinity);
        if (out.length >= BATCH_LENGTH / 2) out.clear();
        else if (reader.next() !== Step.Record) break;
        else encoder.encode(reader.record, out);
      }
    },
  });
  Deno.bench({
    name: "@std/csv and template literals",
    group,
    fn: () => {
      encodeText(bytes, names, command);
    },
  });
}
