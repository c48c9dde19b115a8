import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { findProgram } from "../../scripts/find_program.ts";
import { InputError } from "../../src/errors.ts";
import { type PlainText, plainText } from "../../src/transport/plain_text.ts";
import type { Source } from "../../src/transport/source.ts";
import { byteSource } from "../support/byte_source.ts";
import { Random } from "../support/random.ts";

const zstd = await findProgram("zstd");
const gzip = await findProgram("gzip");

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** What a program makes of its input. */
async function filter(
  program: string,
  words: string[],
  input: Uint8Array,
): Promise<Uint8Array> {
  const child = new Deno.Command(program, {
    args: words,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  writer.write(input).then(() => writer.close()).catch(() => {});
  return (await child.output()).stdout;
}

/** All that a source gives, and what it ends in where it does not end well. */
async function drain(
  source: Source,
  size = 100_000,
): Promise<{ bytes: Uint8Array; error?: Error }> {
  const parts: Uint8Array[] = [];
  const into = new Uint8Array(size);
  const all = (): Uint8Array => {
    const bytes = new Uint8Array(parts.reduce((n, it) => n + it.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  };
  try {
    for (;;) {
      const count = await source.read(into);
      if (count === null) return { bytes: all() };
      assert(count > 0, "a read gave nothing");
      parts.push(into.slice(0, count));
    }
  } catch (error) {
    assert(error instanceof Error);
    return { bytes: all(), error };
  } finally {
    source.close();
  }
}

/** The text in some bytes, which come in pieces of any size. */
async function unpack(
  bytes: Uint8Array,
  size?: () => number,
): Promise<{ text: string; found: readonly string[]; error?: Error }> {
  let opened: PlainText;
  try {
    opened = await plainText(byteSource("in", bytes, size));
  } catch (error) {
    assert(error instanceof Error);
    return { text: "", found: [], error };
  }
  const { source, found } = opened;
  const { bytes: text, error } = await drain(source);
  return {
    text: decoder.decode(text),
    found,
    ...(error === undefined ? {} : { error }),
  };
}

function utf16(text: string, isLittle: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * text.length));
  for (let i = 0; i < text.length; i++) {
    view.setUint16(2 * i, text.charCodeAt(i), isLittle);
  }
  return new Uint8Array(view.buffer);
}

/** An empty frame, and one that raw blocks make of a text. */
function zstdFrame(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  const header = bytes.length << 3 | 1;
  return Uint8Array.from([
    ...[0x28, 0xb5, 0x2f, 0xfd, 0x20, bytes.length],
    ...[header & 0xff, header >> 8, 0],
    ...bytes,
  ]);
}

const SKIPPED = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9);
const MIXED = "k,v\n1,Zo\u00eb\n2,\u20ac\n3,\u{1f600}\uffff\0\n";

const INPUTS: [string, Uint8Array, string[], string][] = [
  ["nothing", new Uint8Array(), [], ""],
  ["one byte of a mark", Uint8Array.of(0x28), [], "("],
  ["text", encoder.encode("(\xb5)"), [], "(\xb5)"],
  ["gzip", gzipSync("k,v\n"), ["gzip"], "k,v\n"],
  ["gzip of nothing", gzipSync(""), ["gzip"], ""],
  [
    "many members",
    join(gzipSync("k,"), gzipSync(""), gzipSync("v\n"), gzipSync("1")),
    ["gzip"],
    "k,v\n1",
  ],
  [
    "members and padding",
    join(gzipSync("k,v\n"), new Uint8Array(50)),
    ["gzip"],
    "k,v\n",
  ],
  ["zstd", zstdFrame("k,v\n"), ["zstd"], "k,v\n"],
  [
    "many frames",
    join(zstdFrame("k,"), zstdFrame(""), SKIPPED, zstdFrame("v\n"), SKIPPED),
    ["zstd"],
    "k,v\n",
  ],
  ["twice", gzipSync(zstdFrame("k,v\n")), ["gzip", "zstd"], "k,v\n"],
  ["UTF-16LE", utf16(`\ufeff${MIXED}`, true), ["UTF-16LE"], MIXED],
  ["UTF-16BE", utf16(`\ufeff${MIXED}`, false), ["UTF-16BE"], MIXED],
  ["UTF-16 of nothing", Uint8Array.of(0xff, 0xfe), ["UTF-16LE"], ""],
  [
    "gzip of UTF-16",
    gzipSync(utf16("\ufeffk,v", true)),
    ["gzip", "UTF-16LE"],
    "k,v",
  ],
];

for (const [name, bytes, found, text] of INPUTS) {
  Deno.test(`plain text: ${name}`, async () => {
    assertEquals(await unpack(bytes), { text, found });
    assertEquals(await unpack(bytes, () => 1), { text, found }, "by byte");
    for (let cut = 1; cut < bytes.length; cut++) {
      let at = 0;
      const size = (): number => at++ === 0 ? cut : Infinity;
      assertEquals(await unpack(bytes, size), { text, found }, `cut at ${cut}`);
    }
  });
}

const BROKEN: [string, Uint8Array, string, RegExp][] = [
  [
    "gzip that breaks off",
    gzipSync("k,v\n").subarray(0, -3),
    "k,v\n",
    /^Cannot unpack in \(gzip\) beyond byte 4 of its text, \d+ packed bytes in: they break off there$/,
  ],
  [
    "gzip that breaks off in its header",
    gzipSync("k,v\n").subarray(0, 5),
    "",
    /they break off there/,
  ],
  [
    "a second member that breaks off",
    join(gzipSync("k,v\n"), gzipSync("1,2\n").subarray(0, 3)),
    "k,v\n",
    /they break off there/,
  ],
  [
    "zstd that breaks off",
    zstdFrame("k,v\n").subarray(0, -1),
    "k,v",
    /\(zstd\) beyond byte 3 of its text.* they break off within a frame/,
  ],
  [
    "zstd that is followed by something else",
    join(zstdFrame("k,v\n"), encoder.encode("more")),
    "k,v\n",
    /what stands behind a frame is none|damaged \(unknown frame/,
  ],
  [
    "UTF-16 with an odd byte",
    join(utf16("\ufeffk,v\n", true), Uint8Array.of(0x31)),
    "k,v\n",
    /^Cannot read in beyond its byte 10 as UTF-16: it ends within a character$/,
  ],
  [
    "UTF-16 with a high surrogate alone",
    utf16("\ufeffk\ud83dv\n", true),
    "k",
    /beyond its byte 4 as UTF-16: a surrogate lacks its other half/,
  ],
  [
    "UTF-16 with a low surrogate alone",
    utf16("\ufeffk\ude00v\n", false),
    "k",
    /beyond its byte 4 as UTF-16: a surrogate lacks its other half/,
  ],
  [
    "UTF-16 that ends in half a pair",
    utf16("\ufeffk\ud83d", false),
    "k",
    /beyond its byte 4 as UTF-16: it ends within a character/,
  ],
];

for (const [name, bytes, text, sentence] of BROKEN) {
  Deno.test(`plain text: ${name}`, async () => {
    for (const size of [undefined, () => 1]) {
      const outcome = await unpack(bytes, size);
      assertEquals(outcome.text, text);
      assert(outcome.error instanceof InputError, String(outcome.error));
      assert(sentence.test(outcome.error.message), outcome.error.message);
    }
  });
}

/** Rows that do not pack too well. */
function rows(random: Random, count: number): Uint8Array {
  let text = "id,name\n";
  for (let n = 1; n <= count; n++) text += `${n},${random.int(2 ** 30)}\n`;
  return encoder.encode(text);
}

const PROGRAMS: [string, string | undefined, string[]][] = [
  ["gzip", gzip, ["-c"]],
  ["zstd", zstd, ["-q", "-c"]],
  ["zstd", zstd, ["-q", "-c", "--no-check", "-1"]],
  ["zstd", zstd, ["-q", "-c", "--ultra", "-22"]],
];

for (const [packing, program, words] of PROGRAMS) {
  const name = [packing, ...words].join(" ");
  Deno.test({
    name: `plain text: what ${name} makes, three times`,
    ignore: program === undefined,
    fn: async () => {
      const random = new Random(Random.seed());
      const text = rows(random, 30_000);
      const packed = await filter(program!, words, text);
      const thrice = join(packed, packed, packed);
      const inner = byteSource("in", thrice, () => 1 + random.int(30_000));
      const { source, found } = await plainText(inner);
      const { bytes, error } = await drain(source, 1 + random.int(50_000));
      assertEquals(error, undefined, `seed ${random.seed}`);
      assert(
        decoder.decode(bytes) === decoder.decode(text).repeat(3),
        `seed ${random.seed}: the text is another one`,
      );
      assertEquals(source.bytesTaken, thrice.length);
      assertEquals(found, [packing]);
      assert(inner.closed);
    },
  });

  Deno.test({
    name: `plain text: ${name} with a byte that is another one`,
    ignore: program === undefined || words.includes("--no-check"),
    fn: async () => {
      const random = new Random(Random.seed());
      const text = rows(random, 30_000);
      const packed = await filter(program!, words, text);
      const at = Math.floor(packed.length / 2);
      packed[at] ^= 0x55;
      const { source } = await plainText(byteSource("in", packed));
      const { bytes, error } = await drain(source);
      assert(error instanceof InputError, String(error));
      assert(/the data is damaged \(|break off/.test(error.message));
      // A decoder may notice late, never early.
      assert(bytes.length > 100_000, `${bytes.length} bytes`);
      assertEquals(bytes[100], text[100]);
    },
  });
}

Deno.test("plain text: what unpacks to much is not held", async () => {
  const packed = gzipSync(new Uint8Array(50_000_000));
  const { source } = await plainText(byteSource("in", packed));
  const into = new Uint8Array(1000);
  assertEquals(await source.read(into), 1000);
  assert(source.bytesTaken! <= packed.length);
  source.close();
});

Deno.test("plain text: a source that cannot be read", async () => {
  const source: Source = {
    name: "in",
    read: () => Promise.reject(new InputError("no", { source: "in" })),
    close: () => {},
  };
  await assertRejects(() => plainText(source), InputError, "no");
});

Deno.test("plain text: a packed source that cannot be read on", async () => {
  const packed = gzipSync("k,v\n1,2\n");
  let reads = 0;
  const { source } = await plainText({
    name: "in",
    read(into): Promise<number> {
      if (reads++ > 0) throw new InputError("gone", { source: "in" });
      into.set(packed.subarray(0, 20));
      return Promise.resolve(20);
    },
    close: () => {},
  });
  const { bytes, error } = await drain(source);
  assert(decoder.decode(bytes).startsWith("k,v"));
  assertEquals(error?.message, "gone");
});
