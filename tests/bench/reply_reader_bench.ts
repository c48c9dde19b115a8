/**
 * The reply reader against the obvious way, which is to decode each chunk and
 * split it at CRLF. One iteration reads 1 MiB in chunks of 64 KiB, so GB/s are
 * about 1000 divided by the time in microseconds.
 *
 * @module
 */
import { ReplyReader } from "../../src/protocol/reply_reader.ts";

const STREAM_LENGTH = 1024 * 1024;
const CHUNK_LENGTH = 64 * 1024;

const STREAMS: Record<string, string> = {
  "+OK (SET)": "+OK\r\n",
  ":6 (HSET)": ":6\r\n",
  ":1 to :3 digits (HSET, SADD, EXPIRE)": ":6\r\n:12\r\n:345\r\n",
  ":7 digits (RPUSH)": ":1234567\r\n",
  "$15 (XADD)": "$15\r\n1700000000000-0\r\n",
  "an error in 100": "+OK\r\n".repeat(99) + "-ERR no such thing\r\n",
  "arrays (EXEC)": "*2\r\n:6\r\n+OK\r\n",
};

function chunksOf(reply: string): Uint8Array[] {
  const count = Math.floor(STREAM_LENGTH / reply.length);
  const bytes = new TextEncoder().encode(reply.repeat(count));
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_LENGTH) {
    chunks.push(bytes.subarray(at, at + CHUNK_LENGTH));
  }
  return chunks;
}

function skipAndNext(chunks: Uint8Array[]): number {
  const reader = new ReplyReader();
  let count = 0;
  for (const chunk of chunks) {
    reader.feed(chunk);
    for (;;) {
      count += reader.skip(20);
      if (reader.next() === undefined) break;
      count++;
    }
  }
  return count;
}

function nextAlone(chunks: Uint8Array[]): number {
  const reader = new ReplyReader();
  let count = 0;
  for (const chunk of chunks) {
    reader.feed(chunk);
    while (reader.next() !== undefined) count++;
  }
  return count;
}

/** Right for replies of one line only; it is here to be measured. */
function decodeAndSplit(chunks: Uint8Array[]): number {
  const decoder = new TextDecoder();
  let rest = "";
  let count = 0;
  for (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(
      "\r\n",
    );
    rest = lines.pop()!;
    for (const line of lines) if (line[0] !== "-") count++;
  }
  return count;
}

for (const [group, reply] of Object.entries(STREAMS)) {
  const chunks = chunksOf(reply);
  const ways = { skipAndNext, nextAlone, decodeAndSplit };
  for (const [name, read] of Object.entries(ways)) {
    Deno.bench({
      name,
      group,
      baseline: name === "decodeAndSplit",
      fn: () => {
        read(chunks);
      },
    });
  }
}
