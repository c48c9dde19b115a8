import type { ByteBuffer } from "../protocol/byte_buffer.ts";
import { compileLayout, type LayoutOptions } from "./layout.ts";
import type { RecordView } from "./record.ts";
import { RecordWriter } from "./record_writer.ts";
import type { Template } from "./template.ts";

/**
 * Turns records into the RESP of their commands.
 *
 * @example
 * ```ts
 * import { RowEncoder } from "./row_encoder.ts";
 * import { CsvReader } from "./csv_reader.ts";
 * import { parseDialect } from "./dialect.ts";
 * import { Header } from "./header.ts";
 * import { compileTemplate } from "./template.ts";
 * import { ByteBuffer } from "../protocol/byte_buffer.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const header = Header.named(["id", "name"]);
 * const template = compileTemplate([["SET", "u:{id}", "{name}"]], header);
 * const encoder = new RowEncoder(template);
 * const reader = new CsvReader({ dialect: parseDialect(), fields: 2 });
 * const input = new TextEncoder().encode("7,Ann\n");
 * reader.feed(input, 0, input.length);
 * reader.next();
 * const out = new ByteBuffer();
 * encoder.encode(reader.record, out);
 * assertEquals(
 *   new TextDecoder().decode(out.view()),
 *   "*3\r\n$3\r\nSET\r\n$3\r\nu:7\r\n$3\r\nAnn\r\n",
 * );
 * ```
 */
export class RowEncoder {
  /** How many commands each record becomes. */
  readonly commandsPerRecord: number;
  /**
   * What writes them, for readers.
   *
   * @internal
   */
  readonly writer: RecordWriter;

  /**
   * Makes an encoder.
   *
   * @param template What each record becomes.
   * @param options What may be left out.
   */
  constructor(template: Template, options: LayoutOptions = {}) {
    this.commandsPerRecord = template.commands.length;
    this.writer = new RecordWriter(compileLayout(template, options));
  }

  /**
   * Appends a record's commands.
   *
   * @param record A record with as many fields as the header has columns.
   * @param out The buffer; it grows as needed.
   */
  encode(record: RecordView, out: ByteBuffer): void {
    this.writer.write(record, out);
  }
}
