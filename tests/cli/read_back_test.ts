import { assert, assertEquals } from "@std/assert";
import { Random } from "../support/random.ts";
import { startServer } from "../support/redis_server.ts";
import { runRespipe } from "../support/run_respipe.ts";
import { TempFiles } from "../support/temp_files.ts";

const encoder = new TextEncoder();
const ROWS = 12_000;
const COLUMNS = 5;
const MEGABYTE = 1024 * 1024;
const QUOTE = 0x22;

/** What makes CSV readers stumble, and some ordinary text. */
const PIECES = [
  ...['"', '""', ",", "\n", "\r\n", "\r", "\0", " ", "a", "Zürich", "東京"],
  ...["plain text", "'", ";", "\t", "{id}", "*3\r\n$3\r\nSET\r\n", "\ufeff"],
].map((text) => encoder.encode(text)).concat([
  new Uint8Array([0xff]),
  new Uint8Array([0xc3]),
  new Uint8Array([0x80, 0xbf, 0xfe]),
  new Uint8Array([0xed, 0xa0, 0x80]),
]);

function randomField(random: Random): Uint8Array {
  const field: number[] = [];
  for (let left = random.pick([0, 1, 1, 2, 3, 8]); left > 0; left--) {
    field.push(...random.pick(PIECES));
  }
  return Uint8Array.from(field);
}

function largeField(random: Random): Uint8Array {
  const field = new Uint8Array(MEGABYTE);
  // Quotes are one byte in 256 of these, and doubled in the file.
  for (let i = 0; i < field.length; i++) field[i] = random.int(256);
  return field;
}

/** A field as it stands in a file: in quotes where it must be, or may. */
function writeField(field: Uint8Array, random: Random, out: Writer): void {
  const bare = random.int(4) > 0 &&
    field.every((byte) =>
      byte !== QUOTE && byte !== 0x2c && byte !== 0x0a && byte !== 0x0d
    );
  if (bare) {
    out.push(field);
    return;
  }
  const quoted = new Uint8Array(2 * field.length + 2);
  let length = 0;
  quoted[length++] = QUOTE;
  for (const byte of field) {
    quoted[length++] = byte;
    if (byte === QUOTE) quoted[length++] = QUOTE;
  }
  quoted[length++] = QUOTE;
  out.push(quoted.subarray(0, length));
}

class Writer {
  readonly #pieces: Uint8Array[] = [];

  push(piece: Uint8Array | string): void {
    this.#pieces.push(
      typeof piece === "string" ? encoder.encode(piece) : piece,
    );
  }

  async bytes(): Promise<Uint8Array> {
    const blob = new Blob(this.#pieces as BlobPart[]);
    return new Uint8Array(await blob.arrayBuffer());
  }
}

Deno.test("every byte of every field is read back as it was written", async () => {
  const random = new Random(Random.seed());
  const what = `RESPIPE_SEED=${random.seed}`;
  const names = Array.from({ length: COLUMNS }, (_, i) => `column ${i}`);
  const out = new Writer();
  out.push(["id", ...names].join(",") + "\r\n");
  const rows: Uint8Array[][] = [];
  for (let id = 0; id < ROWS; id++) {
    const fields = names.map(() => randomField(random));
    if (id % 3000 === 1500) fields[random.int(COLUMNS)] = largeField(random);
    rows.push(fields);
    out.push(String(id));
    for (const field of fields) {
      out.push(",");
      writeField(field, random, out);
    }
    out.push(random.pick(["\n", "\r\n"]));
  }

  await using server = await startServer();
  using files = new TempFiles();
  const path = files.write("wild.csv", await out.bytes());
  const port = String(server.port);
  const run = await runRespipe(
    ["load", "-p", port, path, "--json", "--", "HSET", "r:{id}", "{*}"],
  );
  assertEquals([run.code, run.stderr], [0, ""], what);
  assertEquals(JSON.parse(run.stdout).loaded, ROWS, what);

  const replies = await server.commands(
    rows.map((_, id) => ["HMGET", `r:${id}`, "id", ...names]),
  );
  let compared = 0;
  replies.forEach((reply, id) => {
    assert(reply.kind === "array", `${what}: row ${id}`);
    const wanted = [encoder.encode(String(id)), ...rows[id]];
    reply.items.forEach((item, column) => {
      assert(item.kind === "bulk" && item.body !== undefined);
      assert(
        equal(item.body, wanted[column]),
        `${what}: row ${id}, column ${column}`,
      );
      compared++;
    });
  });
  assertEquals(compared, ROWS * (COLUMNS + 1));
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
