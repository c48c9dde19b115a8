/** Tells whether two runs of bytes are the same. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, i) => byte === other[i]);
}

/** Smallest capacity, in bytes, of a buffer that has to hold something. */
const MIN_CAPACITY = 64;

/** Bytes above which a block copy is faster than a loop. */
const LONG = 256;

/**
 * A growable, reusable buffer of bytes.
 *
 * The fields are open on purpose: the encoder writes straight into
 * {@linkcode ByteBuffer.bytes} after one {@linkcode ByteBuffer.reserve} per
 * record, so that no call is made per byte.
 *
 * @example
 * ```ts
 * import { ByteBuffer } from "./byte_buffer.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const buffer = new ByteBuffer(16);
 * buffer.push(new Uint8Array([1, 2]));
 * buffer.push(new Uint8Array([3]));
 * assertEquals([...buffer.view()], [1, 2, 3]);
 * ```
 */
export class ByteBuffer {
  /** The storage; only the first {@linkcode length} bytes mean anything. */
  bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes are in use. */
  length = 0;

  /**
   * Makes an empty buffer.
   *
   * @param capacity Bytes to allocate at once.
   */
  constructor(capacity = 0) {
    this.bytes = new Uint8Array(capacity);
  }

  /**
   * Makes room behind the bytes in use, doubling the storage where needed.
   *
   * @param count Bytes that are about to be written.
   */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(
      Math.max(needed, this.bytes.length * 2, MIN_CAPACITY),
    );
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /**
   * Appends bytes.
   *
   * @param bytes What to append; it is copied.
   */
  push(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /**
   * Appends part of some bytes.
   *
   * A few are copied one by one: a view of them and a block copy cost more.
   *
   * @param bytes What to append from.
   * @param start Index of the first byte.
   * @param end Index behind the last byte.
   */
  append(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    const into = this.bytes;
    let at = this.length;
    if (end - start > LONG) into.set(bytes.subarray(start, end), at);
    else for (let i = start; i < end; i++) into[at++] = bytes[i];
    this.length += end - start;
  }

  /** Forgets the contents and keeps the storage. */
  clear(): void {
    this.length = 0;
  }

  /**
   * Shows the bytes in use without copying them.
   *
   * @returns A view that is valid until the next write.
   */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }
}
