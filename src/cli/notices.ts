import { say } from "./output.ts";

/** Takes a sentence for people. */
export type Say = (sentence: string) => void;

/**
 * What is said on the way, about waiting for a server and the like. With
 * `--quiet` it is kept until it is known whether all went well: a load that had
 * to wait and went through is no reason for a mail.
 *
 * @example
 * ```ts
 * import { Notices } from "./notices.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const said: string[] = [];
 * const notices = new Notices(true, (sentence) => said.push(sentence));
 * notices.say("waiting");
 * assertEquals(said, []);
 * notices.end(4);
 * assertEquals(said, ["waiting"]);
 * ```
 */
export class Notices {
  /** Says a sentence, or keeps it. */
  readonly say: Say;
  readonly #out: Say;
  #kept: string[] = [];

  /**
   * Begins.
   *
   * @param isQuiet Whether to keep what is said.
   * @param out Where it goes. Default: standard error.
   */
  constructor(isQuiet: boolean, out: Say = say) {
    this.#out = out;
    this.say = isQuiet ? (sentence) => this.#kept.push(sentence) : out;
  }

  /** Says what was kept, where not all went well. */
  end(exitCode: number): void {
    if (exitCode !== 0) {
      for (const sentence of this.#kept) {
        this.#out(sentence);
      }
    }
    this.#kept = [];
  }
}
