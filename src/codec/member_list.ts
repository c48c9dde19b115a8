import { unescape } from "./json_string.ts";

const decoder = new TextDecoder();

/** Where a name stands. */
interface Name {
  bytes: Uint8Array;
  from: number;
  to: number;
}

/**
 * The members of one object: where their names and values stand. Of members
 * with the same name the last value is kept, in the place of the first.
 *
 * It is used again for each object and allocates nothing where no name has an
 * escape.
 */
export class MemberList {
  /** How many members there are. */
  count = 0;
  /** Index of each value's first byte. */
  valueFrom = new Int32Array(32);
  /** Index behind each value's last byte. */
  valueTo = new Int32Array(32);
  /** 1 for each value that is a string with an escape. */
  hasEscape = new Uint8Array(32);
  #nameFrom = new Int32Array(32);
  #nameTo = new Int32Array(32);
  /** Names that had escapes, as text. */
  readonly #unescaped = new Map<number, Uint8Array>();
  /** For each hash the id of a member: `#base` and its index, from 1. */
  #table = new Int32Array(128);
  /** What the ids of the objects before are not above. */
  #base = 0;
  readonly #name: Name = { bytes: new Uint8Array(), from: 0, to: 0 };
  #bytes: Uint8Array = new Uint8Array();

  /** Forgets all members. */
  clear(): void {
    this.#base += this.count;
    this.count = 0;
    if (this.#unescaped.size > 0) this.#unescaped.clear();
    if (this.#base < 1 << 30) return;
    this.#table.fill(0);
    this.#base = 0;
  }

  /**
   * Adds a member.
   *
   * @param hasEscape Whether the value is a string with escapes.
   */
  add(
    bytes: Uint8Array,
    nameFrom: number,
    nameTo: number,
    isEscaped: boolean,
    from: number,
    to: number,
    hasEscape: boolean,
  ): void {
    this.#bytes = bytes;
    if (this.count === this.valueFrom.length) this.#grow();
    const index = this.count;
    this.#nameFrom[index] = nameFrom;
    this.#nameTo[index] = nameTo;
    if (isEscaped) {
      const name = new Uint8Array(nameTo - nameFrom);
      const length = unescape(bytes, nameFrom, nameTo, name, 0);
      this.#unescaped.set(index, name.subarray(0, length));
    }
    const at = this.#slot(index);
    const id = this.#table[at];
    let place = index;
    if (id > this.#base) {
      place = id - this.#base - 1;
      this.#unescaped.delete(index);
    } else {
      this.#table[at] = this.#base + index + 1;
      this.count++;
    }
    this.valueFrom[place] = from;
    this.valueTo[place] = to;
    this.hasEscape[place] = hasEscape ? 1 : 0;
  }

  /** Where a member's name stands as text; the answer is used again. */
  name(index: number): Readonly<Name> {
    const name = this.#name;
    const unescaped = this.#unescaped.size === 0
      ? undefined
      : this.#unescaped.get(index);
    if (unescaped === undefined) {
      name.bytes = this.#bytes;
      name.from = this.#nameFrom[index];
      name.to = this.#nameTo[index];
    } else {
      name.bytes = unescaped;
      name.from = 0;
      name.to = unescaped.length;
    }
    return name;
  }

  /** A member's name as a string. */
  label(index: number): string {
    const { bytes, from, to } = this.name(index);
    return decoder.decode(bytes.subarray(from, to));
  }

  /** Finds the place in the table of a member of that name, or a free one. */
  #slot(index: number): number {
    const { bytes, from, to } = this.name(index);
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i++) {
      hash = Math.imul(hash ^ bytes[i], 0x01000193);
    }
    const mask = this.#table.length - 1;
    for (let at = (hash ^ hash >>> 15) & mask;; at = at + 1 & mask) {
      const id = this.#table[at];
      if (id <= this.#base) return at;
      const other = this.name(id - this.#base - 1);
      if (isSame(bytes, from, to, other)) return at;
    }
  }

  #grow(): void {
    const size = 2 * this.valueFrom.length;
    const grown = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(size);
      next.set(old);
      return next;
    };
    this.valueFrom = grown(this.valueFrom);
    this.valueTo = grown(this.valueTo);
    this.#nameFrom = grown(this.#nameFrom);
    this.#nameTo = grown(this.#nameTo);
    const flags = new Uint8Array(size);
    flags.set(this.hasEscape);
    this.hasEscape = flags;
    this.#table = new Int32Array(4 * size);
    for (let i = 0; i < this.count; i++) {
      this.#table[this.#slot(i)] = this.#base + i + 1;
    }
  }
}

function isSame(
  bytes: Uint8Array,
  from: number,
  to: number,
  other: Readonly<Name>,
): boolean {
  if (to - from !== other.to - other.from) return false;
  for (let i = from, k = other.from; i < to; i++, k++) {
    if (bytes[i] !== other.bytes[k]) return false;
  }
  return true;
}
