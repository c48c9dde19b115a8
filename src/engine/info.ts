import { errorIn, type Reply } from "../protocol/reply.ts";

const decoder = new TextDecoder();

/**
 * Reads what INFO answers.
 *
 * @param reply The reply.
 * @returns Its fields; nothing where the server does not tell.
 *
 * @example
 * ```ts
 * import { infoFields } from "./info.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const body = new TextEncoder().encode("# Memory\r\nused_memory:12\r\n");
 * const fields = infoFields({ kind: "bulk", length: body.length, body });
 * assertEquals(fields?.get("used_memory"), "12");
 * ```
 */
export function infoFields(reply: Reply): Map<string, string> | undefined {
  if (errorIn(reply) !== undefined) return undefined;
  if (reply.kind !== "bulk" && reply.kind !== "verbatim") return undefined;
  if (reply.body === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const line of decoder.decode(reply.body).split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}
