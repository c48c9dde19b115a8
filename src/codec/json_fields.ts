/**
 * What is taken of each object of JSON Lines: the template's names as a tree.
 *
 * @module
 */

/** A field of the records that a reader makes of objects. */
export type JsonField =
  /** The value of a name, or of names with dots between. */
  | { readonly kind: "path"; readonly path: string }
  /** All members but some, as the arguments that they are in RESP. */
  | { readonly kind: "members"; readonly without: readonly string[] }
  /** Nothing but a size: how many arguments the members in front are. */
  | { readonly kind: "count" };

/** A name within an object, or an index within an array. */
export interface JsonNode {
  /** The name. */
  readonly name: Uint8Array;
  /** The name as an index; -1 where it is none. */
  readonly index: number;
  /** The field that the value is; -1 where only what is in it is asked for. */
  column: number;
  /** What is asked for within it. */
  readonly children: JsonNode[];
  /** Where in `children` the next name is looked for first. */
  hint: number;
  /** All fields within it. */
  readonly columns: number[];
}

/**
 * Makes a tree of names.
 *
 * @param fields The fields in the order of their columns.
 */
export function jsonTree(fields: readonly JsonField[]): JsonNode {
  const root = nodeOf("");
  fields.forEach((field, column) => {
    if (field.kind !== "path") return;
    let node = root;
    for (const name of field.path.split(".")) {
      node.columns.push(column);
      const known = node.children.find((child) => isName(child, name));
      const next = known ?? nodeOf(name);
      if (known === undefined) node.children.push(next);
      node = next;
    }
    node.column = column;
  });
  return root;
}

const encoder = new TextEncoder();

function nodeOf(name: string): JsonNode {
  return {
    name: encoder.encode(name),
    index: /^(0|[1-9][0-9]{0,8})$/.test(name) ? Number(name) : -1,
    column: -1,
    children: [],
    hint: 0,
    columns: [],
  };
}

function isName({ name }: JsonNode, other: string): boolean {
  return new TextDecoder().decode(name) === other;
}
