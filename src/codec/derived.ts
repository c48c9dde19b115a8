import { UsageError } from "../errors.ts";

/** What a placeholder stands for that is no field of the record. */
export type Derived =
  /** `{#}`: the record's ordinal in its source. */
  | { readonly kind: "number" }
  /** `{3600..4200}`: a whole number, always the same for the same row. */
  | { readonly kind: "spread"; readonly from: number; readonly to: number }
  /** `{*json}`: the record as a JSON object. */
  | { readonly kind: "document" };

/**
 * Understands a placeholder's name that is no field's.
 *
 * @param name What stands between the braces.
 * @returns What it stands for; nothing where it is a name like any other.
 * @throws {UsageError} When it is a range that has no numbers in it.
 */
export function derivedOf(name: string): Derived | undefined {
  if (name === "#") return { kind: "number" };
  if (name === "*json") return { kind: "document" };
  const range = /^(-?[0-9]+)\.\.(-?[0-9]+)$/.exec(name);
  if (range === null) return undefined;
  const [from, to] = [Number(range[1]), Number(range[2])];
  // A hash of 32 bits spreads over no more.
  if (
    !Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from > to ||
    to - from >= 2 ** 32
  ) {
    throw new UsageError(
      `Cannot use {${name}}: a range goes from a whole number to one that is ` +
        "not smaller, over 4294967296 numbers at the most",
    );
  }
  return { kind: "spread", from, to };
}
