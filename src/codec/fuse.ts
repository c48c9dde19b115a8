/**
 * Writes a function that reads and encodes a run of records in one pass.
 *
 * Why it has this shape: reading a record into offsets and encoding it from
 * them costs two calls and a dozen properties for each, which is more than the
 * work itself where fields are short. Here nothing is kept of a record but the
 * bytes it became. Measured in one run against `CsvReader.next` with
 * `RowEncoder.encode`: for `SET {k} {v}` 24 ns a record against 71 ns, for
 * `HSET driver:{id} {*}` with six columns 160 ns against 280 ns.
 *
 * A function must stay small, or the engine takes long to optimise it, or never
 * does. So there are two shapes: for few columns all is in one piece, with the
 * fields' places in variables; for more, the places are found in a loop and
 * kept in arrays, and what is written is spread over several functions.
 *
 * It knows no mistakes and no states. At a record that is not plain it stops
 * in front of it, with nothing written, and the reader takes over: one with a
 * line break in quotes, with more or fewer fields, with text after a closing
 * quote or a quote within an unquoted field, one that is too large, a blank
 * line, and the one that the input ends in. Doubled quotes it can do.
 *
 * The byte behind the input is made a line feed, so that no loop has to ask
 * where the input ends.
 *
 * What must change together: what a plain record is, here and in
 * csv_reader.ts, which says what every other one is.
 *
 * @module
 */
import { CR, LF } from "../protocol/ascii.ts";
import { DEFAULT_MAX_RECORD } from "./csv_reader.ts";
import {
  findAllCode,
  findEachCode,
  type FindOptions,
  flagOf,
} from "./find_code.ts";
import type { Program } from "./program.ts";
import {
  copyRest,
  type RowCode,
  rowCode,
  UNCONDITIONAL,
  writeLength,
} from "./row_code.ts";

/**
 * Encodes records from one that begins at `at`.
 *
 * @param input The input's buffer.
 * @param output The output buffer.
 * @param inputBytes The same as `input`; what is behind `end` gets written.
 * @param outputBytes The same as `output`.
 * @param from Index in the input of a record's first byte.
 * @param end Index behind the last byte of the input.
 * @param at Index in the output of the first byte to write.
 * @param room Index in the output that what is written stays below.
 * @param limit Records to encode at the most.
 * @param outcome Gets the index in the input of the first record that was not
 * encoded, and how many were.
 * @returns The index in the output behind the last byte written.
 */
export type FusedFunction = (
  input: DataView,
  output: DataView,
  inputBytes: Uint8Array,
  outputBytes: Uint8Array,
  from: number,
  end: number,
  at: number,
  room: number,
  limit: number,
  outcome: Int32Array,
) => number;

/**
 * Columns up to which each has code of its own that finds it, and its place in
 * a variable. With two that is a fifth faster than a loop over arrays. With
 * six it would be a tenth, but the engine needs 0.1 s longer to optimise so
 * much code, and 55 MB took 0.34 s instead of 0.26 s; with twenty it is twice
 * as slow and worse.
 */
const FEW_COLUMNS = 4;

/** Copies a field that may have doubled quotes, and makes them single. */
function copySingle(
  input: Uint8Array,
  output: Uint8Array,
  from: number,
  at: number,
  size: number,
  quote: number,
): void {
  for (const end = at + size; at < end; at++) {
    const byte = input[from++];
    output[at] = byte;
    if (byte === quote) from++;
  }
}

/** What a function is written for, besides the program. */
export interface FuseOptions extends FindOptions {
  /** The most bytes that a record may have. Default: 64 MiB. */
  maxRecord?: number | undefined;
}

/**
 * Writes the function for a program and a kind of input.
 *
 * @param program The program.
 * @param options The kind of input.
 * @returns The function; nothing where the program is too long for one, or
 * depends on which fields are empty.
 */
export function fuse(
  program: Program,
  options: FuseOptions,
): FusedFunction | undefined {
  const { dialect: { quote }, fields } = options;
  const parts = rowCode(
    program,
    (column) =>
      `if(n${column}>${UNCONDITIONAL}||x!==0){` +
      `if((x&${flagOf(column)})!==0)` +
      `copySingle(vb,ob,f${column},at,n${column},${quote});` +
      `else if(n${column}>${UNCONDITIONAL})` +
      `copyRest(v,o,vb,ob,f${column},at,n${column})}`,
  );
  if (parts === undefined) return undefined;
  return fields <= FEW_COLUMNS && parts.length === 1
    ? fuseFew(program, parts[0], options)
    : fuseMany(program, parts, options);
}

/** Places in variables, all in one function. */
function fuseFew(
  program: Program,
  { body }: RowCode,
  options: FuseOptions,
): FusedFunction {
  const columns = Array.from({ length: options.fields }, (_, c) => c);
  const make = new Function(
    ...TOOLS,
    `"use strict";return function(${PARAMETERS}){` +
      `let n=0;${columns.map((c) => `let f${c}=0,n${c}=0;`).join("")}` +
      `${loopCode(program, findEachCode(options), body, options)}return at}`,
  );
  return make(writeLength, copyRest, copySingle);
}

/** Places in arrays, and a function for each part of what is written. */
function fuseMany(
  program: Program,
  parts: readonly RowCode[],
  options: FuseOptions,
): FusedFunction {
  const starts = new Int32Array(options.fields);
  const sizes = new Int32Array(options.fields);
  const writers = parts.map(({ body, columns }) => {
    const places = columns.map((c) =>
      `const f${c}=starts[${c}],n${c}=sizes[${c}];`
    ).join("");
    const make = new Function(
      ...TOOLS,
      "starts",
      "sizes",
      `"use strict";return function(v,o,vb,ob,at,x){` +
        `let n=0;${places}${body}return at}`,
    );
    return make(writeLength, copyRest, copySingle, starts, sizes);
  });
  const names = writers.map((_, index) => `write${index}`);
  const make = new Function(
    "starts",
    "sizes",
    ...names,
    `"use strict";return function(${PARAMETERS}){${
      loopCode(
        program,
        findAllCode(options),
        names.map((name) => `at=${name}(v,o,vb,ob,at,x);`).join(""),
        options,
      )
    }return at}`,
  );
  return make(starts, sizes, ...writers);
}

/** What the code calls. */
const TOOLS = ["writeLength", "copyRest", "copySingle"];

/** The parameters of a {@linkcode FusedFunction}, as the code calls them. */
const PARAMETERS = "v,o,vb,ob,i,end,at,room,limit,outcome";

/** The loop over the records. */
function loopCode(
  { overhead, uses }: Program,
  find: string,
  write: string,
  { maxRecord = DEFAULT_MAX_RECORD }: FuseOptions,
): string {
  return `let b=0,c=0,d=0,f=0,m=0,w=0,x=0,records=0,start=i;vb[end]=${LF};` +
    `all:for(;records<limit;records++){` +
    `start=i;x=0;b=vb[i];if(b===${LF}||b===${CR})break;${find}` +
    `if(i>end||i-start>${maxRecord}||` +
    `at+${overhead}+(i-start)*${uses}>room)break;${write}start=i}` +
    `outcome[0]=start;outcome[1]=records;`;
}
