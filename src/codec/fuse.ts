/**
 * Writes a function that reads and encodes a run of records in one pass.
 *
 * Why it has this shape: reading a record into offsets and encoding it from
 * them costs two calls, a dozen properties and an array written and read, which
 * is more than the work itself where fields are short. Here a field's place is
 * a local variable, and nothing is kept of a record but the bytes it became.
 * Measured in one run against `CsvReader.next` with `RowEncoder.encode`: for
 * `SET {k} {v}` 28 ns a record against 68 ns, for `HSET driver:{id} {*}` with six
 * columns 140 ns against 240 ns.
 *
 * It knows no mistakes and no states. At a record that is not plain it stops
 * in front of it, with nothing written, and the reader takes over: one with a
 * line break in quotes, with more or fewer fields, with text after a closing
 * quote or a quote within an unquoted field, one that is too large, a blank
 * line, and the one that the input ends in. Doubled quotes it can do.
 *
 * The byte behind the input is made a line feed, so that no loop has to ask
 * where the input ends. Unquoted fields are searched four bytes at a time (see
 * `stopsCode`), which takes a tenth off the whole for drivers.csv; quoted ones
 * are not, where it gains nothing.
 *
 * What must change together: what a plain record is, here and in
 * csv_reader.ts, which says what every other one is.
 *
 * @module
 */
import { CR, LF } from "../protocol/ascii.ts";
import { DEFAULT_MAX_RECORD } from "./csv_reader.ts";
import { type Dialect, NO_QUOTE } from "./dialect.ts";
import type { Program } from "./program.ts";
import { copyRest, rowCode, UNCONDITIONAL, writeLength } from "./row_code.ts";

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
 * Columns above which no function is written; see the limit on operations in
 * row_code.ts.
 */
const MOST_COLUMNS = 200;

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
export interface FuseOptions {
  /** Delimiter and quote. */
  dialect: Dialect;
  /** How many fields a record has. */
  fields: number;
  /** The most bytes that a record may have. Default: 64 MiB. */
  maxRecord?: number | undefined;
}

/**
 * Most bytes of a text are above this one, which stands before the digits: a
 * stop that is not above it is looked for together with everything below it.
 */
const LOW = 0x2c;

/** A byte in each quarter of a 32-bit word. */
function inWord(byte: number): number {
  return Math.imul(byte, 0x01010101);
}

/**
 * Code that moves `i` to the next stop and sets `b` to it.
 *
 * In a word of four bytes, `w - 0x01010101 * t` borrows from a byte's highest bit
 * where the byte is below `t` (Anderson, "Bit Twiddling Hacks"); the lowest
 * such byte is certain, those above it are not. A byte that is below and no
 * stop is passed over by itself.
 */
function stopsCode(stops: readonly number[]): string {
  const low = Math.max(...stops.filter((byte) => byte <= LOW));
  const masks = stops.filter((byte) => byte > LOW)
    .map((byte) => `((m=w^${inWord(byte)})-${inWord(1)})&~m`);
  return `for(;;){w=v.getInt32(i,true);` +
    `m=(${[`(w-${inWord(low + 1)})&~w`, ...masks].join("|")})` +
    `&${inWord(0x80)};if(m===0){i+=4;continue}` +
    `i+=(31-Math.clz32(m&-m))>>3;b=vb[i];` +
    `if(${stops.map((byte) => `b===${byte}`).join("||")})break;i++}`;
}

/**
 * Code that finds one field: its first byte, its size, and `i` behind the byte
 * that ends it. `b` is the byte at `i`.
 */
function findCode(
  column: number,
  isUsed: boolean,
  { dialect: { delimiter, quote }, fields }: FuseOptions,
): string {
  const isLast = column === fields - 1;
  const stop = isLast ? LF : delimiter;
  const hasQuote = quote !== NO_QUOTE;
  const begin = isUsed ? `f${column}=i;` : "";
  const size = (bytes: string): string => isUsed ? `n${column}=${bytes};` : "";
  const unquoted = begin +
    stopsCode(hasQuote ? [delimiter, LF, quote] : [delimiter, LF]) +
    `if(b!==${stop})break;` +
    size(`i-f${column}`) +
    (isLast && isUsed ? `if(n${column}>0&&vb[i-1]===${CR})n${column}--;` : "");
  if (!hasQuote) return `${unquoted}i++;`;
  const quoted = `i++;d=0;${begin}for(;;){` +
    `while((b=vb[i])!==${quote}&&b!==${LF})i++;` +
    `if(b===${LF})break all;` +
    `b=vb[++i];if(b!==${quote})break;i++;d++}` +
    `if(d>0)x|=${flagOf(column)};${size(`i-1-d-f${column}`)}` +
    (isLast ? `if(b===${CR})b=vb[++i];` : "") +
    `if(b!==${stop})break;`;
  return `if(vb[i]===${quote}){${quoted}}else{${unquoted}}i++;`;
}

/** The bit of `x` that says that a column has doubled quotes. */
function flagOf(column: number): number {
  // Columns that share a bit are copied more slowly, not differently.
  return 1 << Math.min(column, 31);
}

/**
 * Writes the function for a program and a kind of input.
 *
 * @param program The program.
 * @param options The kind of input.
 * @returns The function; nothing where the program or a record is too long for
 * one, or where the program depends on which fields are empty.
 */
export function fuse(
  program: Program,
  options: FuseOptions,
): FusedFunction | undefined {
  const { dialect: { quote }, fields } = options;
  const { maxRecord = DEFAULT_MAX_RECORD } = options;
  const code = fields > MOST_COLUMNS ? undefined : rowCode(
    program,
    (column) =>
      `if(n${column}>${UNCONDITIONAL}||x!==0){` +
      `if((x&${flagOf(column)})!==0)` +
      `copySingle(vb,ob,f${column},at,n${column},${quote});` +
      `else if(n${column}>${UNCONDITIONAL})` +
      `copyRest(v,o,vb,ob,f${column},at,n${column})}`,
  );
  if (code === undefined) return undefined;
  const names = code.columns.map((c) => `,f${c}=0,n${c}=0`).join("");
  let find = "";
  for (let column = 0; column < fields; column++) {
    find += findCode(column, code.columns.includes(column), options);
  }
  const { overhead, uses } = program;
  const make = new Function(
    "writeLength",
    "copyRest",
    "copySingle",
    `"use strict";return function(v,o,vb,ob,i,end,at,room,limit,outcome){` +
      `let n=0,b=0,d=0,m=0,w=0,x=0,records=0,start=i${names};vb[end]=${LF};` +
      `all:for(;records<limit;records++){` +
      `start=i;x=0;b=vb[i];if(b===${LF}||b===${CR})break;${find}` +
      `if(i>end||i-start>${maxRecord}||` +
      `at+${overhead}+(i-start)*${uses}>room)break;${code.body}start=i}` +
      `outcome[0]=start;outcome[1]=records;return at}`,
  );
  return make(writeLength, copyRest, copySingle);
}
