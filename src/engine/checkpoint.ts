import type { Place } from "../codec/place.ts";

/** Bytes in front of a checkpoint that are kept to know it again, at most. */
export const TAIL = 256;

/** What some bytes were, without keeping them. */
export interface Fingerprint {
  /** How many they were. */
  readonly bytes: number;
  /** Their hash: 64 bits in hexadecimal digits. */
  readonly hash: string;
}

/**
 * How far a load is: the place of the first record that is not committed.
 *
 * The bytes in front of it tell whether a source is still the same, however it
 * can be read.
 */
export interface Checkpoint extends Place {
  /** Which of the sources it is in, counting from 0. */
  readonly source: number;
  /** The last bytes of the source in front of the place. */
  readonly tail: Fingerprint;
}

/**
 * Takes the fingerprint of some bytes: two 32-bit FNV-1a hashes, which tell
 * accidents apart, not attacks.
 */
export function fingerprintOf(bytes: Uint8Array): Fingerprint {
  let one = 0x811c9dc5;
  let other = 0x5bd1e995;
  for (const byte of bytes) {
    one = Math.imul(one ^ byte, 0x01000193);
    other = Math.imul(other ^ byte, 0x01000193) ^ (other >>> 15);
  }
  const hash = [one, other]
    .map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  return { bytes: bytes.length, hash };
}

/** Tells whether bytes have a fingerprint. */
export function isSame(bytes: Uint8Array, known: Fingerprint): boolean {
  const { bytes: count, hash } = fingerprintOf(bytes);
  return count === known.bytes && hash === known.hash;
}
