import type { Source } from "../../src/transport/source.ts";

const encoder = new TextEncoder();

/** A source of lines that ends when it is told to. */
export class Flow implements Source {
  readonly name = "rows";
  /** Lines made so far. */
  rows = 0;
  #ends = false;
  #begun = false;

  /**
   * Makes a source.
   *
   * @param header The first line; none without.
   * @param row Makes a line from its number, counting from 1.
   * @param pause The pause in front of each read, in ms.
   * @param perRead Lines in each read.
   */
  constructor(
    readonly header: string | undefined,
    readonly row: (n: number) => string,
    readonly pause: number,
    readonly perRead = 50,
  ) {}

  /** Lets the next read be the last. */
  end(): void {
    this.#ends = true;
  }

  /** Reads some lines. */
  async read(into: Uint8Array): Promise<number | null> {
    await new Promise((wake) => setTimeout(wake, this.pause));
    if (this.#ends) return null;
    const isFirst = !this.#begun && this.header !== undefined;
    let text = isFirst ? `${this.header}\n` : "";
    this.#begun = true;
    for (let i = 0; i < this.perRead; i++) text += `${this.row(++this.rows)}\n`;
    return encoder.encodeInto(text, into).written;
  }

  /** Nothing to close. */
  close(): void {}
}
