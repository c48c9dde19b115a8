/** Room for so many keys at first: half a megabyte. */
const FIRST_ROOM = 64 * 1024;

/**
 * A set of keys that keeps a hash of 64 bits of each, in one array of at most
 * 16 bytes a key.
 *
 * Keys are appended, and sorted only when the array is full or somebody asks:
 * that takes no more room than the hashes themselves, where a table needs a part
 * of it free. Two keys with the same hash count as one: of a hundred million
 * keys one pair in some 4,000 such sets.
 */
export class KeyHashes {
  #hashes = new BigUint64Array(FIRST_ROOM);
  #halves = new Uint32Array(this.#hashes.buffer);
  #length = 0;
  /** How many of them are sorted and there once. */
  #sorted = 0;
  /** The hash of the key that was looked at last. */
  #low = 0;
  #high = 0;

  /** How many keys there are. */
  get size(): number {
    this.#sort();
    return this.#length;
  }

  /** Bytes that the hashes take. */
  get bytes(): number {
    return this.#hashes.byteLength;
  }

  /** Adds a key. */
  add(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#hash(bytes, start, end);
    const last = 2 * this.#length - 2;
    // The commands of one row tend to have one key.
    if (
      last >= 0 && this.#halves[last] === this.#low &&
      this.#halves[last + 1] === this.#high
    ) return;
    if (this.#length === this.#hashes.length) this.#makeRoom();
    this.#halves[2 * this.#length] = this.#low;
    this.#halves[2 * this.#length + 1] = this.#high;
    this.#length++;
  }

  /**
   * Tells whether a key was added.
   *
   * @returns Whether it was, or one with the same hash.
   */
  has(key: Uint8Array): boolean {
    this.#sort();
    this.#hash(key, 0, key.length);
    const [low, high] = [this.#low, this.#high];
    const halves = this.#halves;
    let from = 0;
    let to = this.#length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const above = halves[2 * middle + 1];
      if (above === high && halves[2 * middle] === low) return true;
      if (above < high || above === high && halves[2 * middle] < low) {
        from = middle + 1;
      } else to = middle;
    }
    return false;
  }

  #makeRoom(): void {
    this.#sort();
    const room = Math.max(this.#hashes.length, 2 * this.#length);
    if (room === this.#hashes.length) return;
    const hashes = new BigUint64Array(room);
    hashes.set(this.#hashes.subarray(0, this.#length));
    this.#hashes = hashes;
    this.#halves = new Uint32Array(hashes.buffer);
  }

  #sort(): void {
    if (this.#sorted === this.#length) return;
    this.#hashes.subarray(0, this.#length).sort();
    const halves = this.#halves;
    let kept = 0;
    for (let i = 0; i < this.#length; i++) {
      const low = halves[2 * i];
      const high = halves[2 * i + 1];
      if (
        kept > 0 && halves[2 * kept - 2] === low &&
        halves[2 * kept - 1] === high
      ) continue;
      halves[2 * kept] = low;
      halves[2 * kept + 1] = high;
      kept++;
    }
    this.#length = this.#sorted = kept;
  }

  /**
   * Two lanes of 32 bits, as numbers have no more: each takes four bytes at a
   * time by a multiplication and a rotation of its own, and in the end each is
   * mixed with the other.
   */
  #hash(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    let low = 0x9e3779b9 ^ length;
    let high = 0x7f4a7c15 + length | 0;
    let i = start;
    for (; i + 4 <= end; i += 4) {
      const word = bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 |
        bytes[i + 3] << 24;
      low = turn(low ^ Math.imul(word, 0x2c1b3c6d), 13);
      low = Math.imul(low, 0x297a2d39);
      high = turn(high + Math.imul(word, 0x165667b1) | 0, 17);
      high = Math.imul(high, 0x3d4d51cb);
    }
    let word = 0;
    for (let shift = 0; i < end; i++, shift += 8) word |= bytes[i] << shift;
    low = stir(low ^ Math.imul(word, 0x2c1b3c6d));
    high = stir((high ^ Math.imul(word, 0x165667b1)) + low | 0);
    this.#low = stir(low + high | 0) >>> 0;
    this.#high = high >>> 0;
  }
}

function turn(value: number, bits: number): number {
  return value << bits | value >>> (32 - bits);
}

/** Has every bit change about half of all others. */
function stir(value: number): number {
  value = Math.imul(value ^ value >>> 16, 0x45d9f3b);
  value = Math.imul(value ^ value >>> 15, 0x2d8b3aa5);
  return value ^ value >>> 16;
}
