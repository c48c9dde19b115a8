/**
 * The hash slot of a key, as the Redis Cluster specification defines it: the
 * CRC16 (XMODEM: polynomial 0x1021, from 0) of the key's hash tag, modulo
 * 16384. The tag is what stands between the first `{` and the first `}` behind
 * it, where that is not empty; else it is the whole key.
 *
 * @module
 */
import { BRACE_CLOSE, BRACE_OPEN } from "./ascii.ts";

/** How many hash slots a cluster has. */
export const SLOTS = 16_384;

/** What stands for the slot of a command without keys: any node will do. */
export const NO_SLOT = SLOTS;

const CRC16: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
  }
  return crc;
});

/**
 * Tells the hash slot of a key.
 *
 * @returns The slot, from 0 to 16383.
 */
export function keySlot(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): number {
  let from = start;
  let to = end;
  const open = indexOf(bytes, BRACE_OPEN, start, end);
  if (open !== -1) {
    const close = indexOf(bytes, BRACE_CLOSE, open + 1, end);
    if (close > open + 1) {
      from = open + 1;
      to = close;
    }
  }
  let crc = 0;
  for (let i = from; i < to; i++) {
    crc = (crc & 0xff) << 8 ^ CRC16[crc >> 8 ^ bytes[i]];
  }
  return crc % SLOTS;
}

function indexOf(
  bytes: Uint8Array,
  byte: number,
  start: number,
  end: number,
): number {
  for (let i = start; i < end; i++) if (bytes[i] === byte) return i;
  return -1;
}
