/**
 * The command scanner on the two kinds of input that a pipe has, whole and in
 * pieces, against the obvious way: decoding, and walking from CRLF to CRLF. One iteration scans 1 MiB, so MB/s are about 1000 divided by the time
 * in milliseconds.
 *
 * @module
 */
import { CommandScanner } from "../../src/protocol/command_scanner.ts";
import { encodeCommand } from "../../src/protocol/encode_command.ts";

const SIZE = 1 << 20;
const PIECE = 64 * 1024;

const encoder = new TextEncoder();

/** As many commands as there is room for, back to back. */
function fill(
  make: (id: number) => Uint8Array,
): { bytes: Uint8Array; count: number } {
  const bytes = new Uint8Array(SIZE);
  let at = 0;
  for (let count = 0;; count++) {
    const command = make(count);
    if (at + command.length > SIZE) {
      return { bytes: bytes.subarray(0, at), count };
    }
    bytes.set(command, at);
    at += command.length;
  }
}

/** Right for ASCII only; it is here to be measured. */
function decodeAndWalk(bytes: Uint8Array): number {
  const text = new TextDecoder().decode(bytes);
  let count = 0;
  for (let at = 0; at < text.length; count++) {
    let end = text.indexOf("\r\n", at);
    const isInline = text[at] !== "*";
    const args = isInline ? 0 : Number(text.slice(at + 1, end));
    at = end + 2;
    for (let arg = 0; arg < args; arg++) {
      end = text.indexOf("\r\n", at);
      at = end + 2 + Number(text.slice(at + 1, end)) + 2;
    }
  }
  return count;
}

const value = "x".repeat(10_000);

const INPUTS: Record<string, (id: number) => Uint8Array> = {
  "SET, short": (id) => encodeCommand(["SET", `key:${id}`, String(id * 7)]),
  "HSET, 14 arguments": (id) =>
    encodeCommand([
      "HSET",
      `user:${id}`,
      ...Array.from({ length: 12 }, (_, i) => `field${i}`),
    ]),
  "SET, 10 kB": (id) => encodeCommand(["SET", `key:${id}`, value]),
  "SET, inline": (id) => encoder.encode(`SET key:${id} "${id * 7}"\r\n`),
};

for (const [group, make] of Object.entries(INPUTS)) {
  const { bytes, count } = fill(make);
  const check = (found: number): void => {
    if (found !== count) throw new Error(`${found} commands, not ${count}`);
  };
  Deno.bench({
    name: "whole",
    group,
    baseline: true,
    fn: () => {
      const scanner = new CommandScanner();
      scanner.scan(bytes, 0, bytes.length);
      check(scanner.commands);
    },
  });
  Deno.bench({
    name: "in pieces of 64 KiB",
    group,
    fn: () => {
      const scanner = new CommandScanner();
      for (let at = 0; at < bytes.length; at += PIECE) {
        scanner.scan(bytes, at, Math.min(bytes.length, at + PIECE));
      }
      check(scanner.commands);
    },
  });
  Deno.bench({
    name: "decodeAndWalk",
    group,
    fn: () => check(decodeAndWalk(bytes)),
  });
}
