/**
 * Random numbers that come again with the same seed.
 *
 * A random test names its seed in every message:
 * `RESPIPE_SEED=<seed> deno task test` runs it again.
 *
 * The generator is Marsaglia's 32-bit xorshift ("Xorshift RNGs", 2003, shifts
 * 13, 17, 5): weak, small, and enough here.
 */
export class Random {
  #state: number;

  /**
   * Starts a sequence.
   *
   * @param seed Any integer.
   */
  constructor(readonly seed: number) {
    // The state must not be 0; the product spreads small seeds over all bits.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1;
  }

  /**
   * Picks the seed for a test.
   *
   * @returns `RESPIPE_SEED` where it is set, else a new one.
   */
  static seed(): number {
    const text = Deno.env.get("RESPIPE_SEED");
    if (text === undefined || text === "") {
      return Math.floor(Math.random() * 2 ** 31);
    }
    const seed = Number(text);
    if (!Number.isSafeInteger(seed)) {
      throw new RangeError(`Cannot parse RESPIPE_SEED "${text}": no integer`);
    }
    return seed;
  }

  /**
   * Draws an integer.
   *
   * @param n Upper bound, 1 or more, not reached.
   * @returns 0 to `n - 1`.
   */
  int(n: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.floor((x >>> 0) / 2 ** 32 * n);
  }

  /**
   * Draws one of several values.
   *
   * @param values At least one.
   * @returns One of them.
   */
  pick<T>(values: ArrayLike<T>): T {
    return values[this.int(values.length)];
  }

  /**
   * Draws bytes.
   *
   * @param n How many.
   * @returns Any bytes, 0 to 255.
   */
  bytes(n: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: n }, () => this.int(256));
  }

  /**
   * Cuts bytes into pieces of random length.
   *
   * @param bytes What to cut.
   * @param longest The longest piece, in bytes.
   * @returns The pieces in order, none of them empty.
   */
  cut(bytes: Uint8Array, longest: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + this.int(longest));
      pieces.push(bytes.subarray(at, end));
      at = end;
    }
    return pieces;
  }
}
