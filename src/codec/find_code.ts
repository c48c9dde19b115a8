/**
 * Code that finds the fields of a plain record: the part of a fused function
 * (fuse.ts) that reads.
 *
 * Unquoted fields are searched four bytes at a time, which takes a tenth off
 * the whole for drivers.csv; quoted ones are not, where it gains nothing.
 *
 * What must change together: the names that the code uses, and the functions
 * that declare them. `v` and `vb` are the input; `i` is the index of its next
 * byte; `b` the byte that has ended a field; `x` has a bit for each column with
 * doubled quotes; `c`, `d`, `f`, `m` and `w` are free. `all` is the loop over
 * the records, left where one is not plain.
 *
 * @module
 */
import { CR, LF } from "../protocol/ascii.ts";
import { type Dialect, NO_QUOTE } from "./dialect.ts";

/** What records look like. */
export interface FindOptions {
  /** Delimiter and quote. */
  dialect: Dialect;
  /** How many fields a record has. */
  fields: number;
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

/** How the code for one field speaks of it. */
interface Names {
  /** Gets the index of the value's first byte. */
  start: string;
  /** Gets the value's size. */
  size: string;
  /** The column's bit in `x`. */
  flag: string;
  /** Whether it is the last column. */
  isLast: string;
}

/** Code that finds the field at `i`; leaves `i` behind the byte that ends it. */
function fieldCode(
  { start, size, flag, isLast }: Names,
  { delimiter, quote }: Dialect,
): string {
  const hasQuote = quote !== NO_QUOTE;
  const unquoted = `f=i;` +
    stopsCode(hasQuote ? [delimiter, LF, quote] : [delimiter, LF]) +
    `${size}=b===${LF}&&i>f&&vb[i-1]===${CR}?i-f-1:i-f;`;
  if (!hasQuote) return `${unquoted}${start}=f;i++;`;
  const quoted = `f=++i;d=0;for(;;){` +
    `while((b=vb[i])!==${quote}&&b!==${LF})i++;` +
    `if(b===${LF})break all;` +
    `b=vb[++i];if(b!==${quote})break;i++;d++}` +
    `if(d>0)x|=${flag};${size}=i-1-d-f;` +
    `if(b===${CR}&&${isLast})b=vb[++i];`;
  return `if(vb[i]===${quote}){${quoted}}else{${unquoted}}${start}=f;i++;`;
}

/**
 * Gives a column's bit in `x`.
 *
 * @param column The column.
 * @returns The bit; columns that share one are copied more slowly, not
 * differently.
 */
export function flagOf(column: number): number {
  return 1 << Math.min(column, 31);
}

/**
 * Writes code that finds fields one after the other, each by code of its own.
 *
 * @param options What records look like.
 * @returns Code that sets `f0`, `n0`, `f1` and so on, as in row_code.ts.
 */
export function findEachCode({ dialect, fields }: FindOptions): string {
  let code = "";
  for (let column = 0; column < fields; column++) {
    const isLast = column === fields - 1;
    code += fieldCode({
      start: `f${column}`,
      size: `n${column}`,
      flag: `${flagOf(column)}`,
      isLast: `${isLast}`,
    }, dialect);
    code += `if(b!==${isLast ? LF : dialect.delimiter})break;`;
  }
  return code;
}

/**
 * Writes code that finds any number of fields in a loop.
 *
 * @param options What records look like.
 * @returns Code that sets the elements of `starts` and `sizes`.
 */
export function findAllCode({ dialect, fields }: FindOptions): string {
  const code = fieldCode({
    start: "starts[c]",
    size: "sizes[c]",
    flag: `c>31?${1 << 31}:1<<c`,
    isLast: `c===${fields - 1}`,
  }, dialect);
  return `c=0;do{${code}}while(++c<${fields}&&b===${dialect.delimiter});` +
    `if(b!==${LF}||c!==${fields})break;`;
}
