/**
 * All that the pure layers may use besides the language: no Deno, no timers, no
 * network. The gate checks them against this and nothing else.
 *
 * @module
 */

declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
  encodeInto(
    text: string,
    into: Uint8Array,
  ): { read: number; written: number };
}

declare class TextDecoder {
  constructor(
    label?: string,
    options?: { fatal?: boolean; ignoreBOM?: boolean },
  );
  decode(bytes?: Uint8Array | ArrayBuffer): string;
}

declare const crypto: {
  getRandomValues<T extends Uint8Array>(into: T): T;
};
