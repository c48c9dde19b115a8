/**
 * Going on at a checkpoint: at every record, with chunks of any size, with
 * sources that can be sought and ones that cannot.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import type { Batch } from "../../src/engine/batch.ts";
import {
  type Checkpoint,
  fingerprintOf,
  TAIL,
} from "../../src/engine/checkpoint.ts";
import { RecordLocator } from "../../src/engine/record_locator.ts";
import { Rows } from "../../src/engine/rows.ts";
import { Summary } from "../../src/engine/summary.ts";
import type { Source } from "../../src/transport/source.ts";

const encoder = new TextEncoder();

/** Rows of many lengths, quoted line breaks and blank lines among them. */
const TEXT = "id,v\r\n" + Array.from({ length: 60 }, (_, i) => {
  const value = "x".repeat((i * 37) % 400);
  if (i % 7 === 3) return `${i},"${value}\n"\r\n`;
  return `${i},${value}\r\n${i % 11 === 5 ? "\n" : ""}`;
}).join("");

function memorySource(
  name: string,
  text: string,
  perRead: number,
  maySeek: boolean,
): Source {
  const bytes = encoder.encode(text);
  let at = 0;
  return {
    name,
    size: bytes.length,
    ...(maySeek
      ? {
        seek: (offset: number): Promise<void> => {
          at = offset;
          return Promise.resolve();
        },
      }
      : {}),
    read(into): Promise<number | null> {
      const piece = bytes.subarray(at, at + Math.min(perRead, into.length));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
    close: (): void => {},
  };
}

/** A record of a source. */
interface Found {
  source: number;
  records: number;
  line: number;
  offset: number;
}

async function recordsOf(
  sources: Source[],
  checkpoint: Checkpoint | undefined,
  chunkSize: number,
): Promise<Found[]> {
  const rows = new Rows(
    { commands: [["SET", "{id}", "{v}"]], sources, checkpoint },
    new Summary(),
  );
  rows.readAtOnce(chunkSize);
  await rows.check();
  const found: Found[] = [];
  for await (const batch of rows.batches()) found.push(...placesIn(batch));
  return found;
}

function placesIn(batch: Batch): Found[] {
  const locator = new RecordLocator(batch);
  return Array.from({ length: batch.encoded }, (_, i) => ({
    source: batch.source,
    ...locator.placeOf(i),
  }));
}

function checkpointAt(place: Found, length: number): Checkpoint {
  const bytes = encoder.encode(TEXT);
  const tail = bytes.subarray(Math.max(0, place.offset - length), place.offset);
  return { ...place, tail: fingerprintOf(tail) };
}

for (const maySeek of [true, false]) {
  for (const chunkSize of [512, 4096, 64 * 1024]) {
    const how = maySeek ? "sought" : "read over";
    Deno.test(`a source is ${how}, in chunks of ${chunkSize}`, async () => {
      for (const perRead of [7, Infinity]) {
        const sources = (): Source[] => [
          memorySource("a", TEXT, perRead, maySeek),
          memorySource("b", TEXT, perRead, maySeek),
        ];
        const all = await recordsOf(sources(), undefined, chunkSize);
        assertEquals(all.length, 120);
        for (const [i, place] of all.entries()) {
          for (const length of [0, 3, TAIL]) {
            const from = checkpointAt(place, length);
            const rest = await recordsOf(sources(), from, chunkSize);
            assertEquals(rest, all.slice(i));
          }
        }
      }
    });
  }
}

Deno.test("the end of a source is a place to go on from", async () => {
  const end = { records: 60, line: 1 + TEXT.split("\n").length - 1 };
  const place = { source: 0, ...end, offset: TEXT.length };
  for (const maySeek of [true, false]) {
    const sources = [
      memorySource("a", TEXT, 100, maySeek),
      memorySource("b", TEXT, 100, maySeek),
    ];
    const rest = await recordsOf(sources, checkpointAt(place, TAIL), 1024);
    assertEquals(rest.length, 60);
    assertEquals(rest[0].source, 1);
  }
});

Deno.test("other bytes in front of the place, or too few, are refused", async () => {
  const sources = [memorySource("a", TEXT, Infinity, true)];
  const [, second] = await recordsOf(sources, undefined, 1024);
  const from = checkpointAt({ ...second, source: 0 }, TAIL);
  for (const text of [TEXT.replace("0,", "9,"), "id,v\n1,2\n", "id,v\n"]) {
    for (const maySeek of [true, false]) {
      await assertRejects(
        () => recordsOf([memorySource("a", text, 10, maySeek)], from, 1024),
        Error,
        "Cannot go on at a:",
      );
    }
  }
});
