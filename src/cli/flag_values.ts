/**
 * What the texts of flags mean: each function makes an option of one, or throws
 * a {@linkcode UsageError} that quotes it and says what would be right.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { parseHostPort, type TcpAddress } from "../transport/address.ts";
import { splitWords } from "./shell_words.ts";

/** The port that Redis Sentinels listen on by default. */
const SENTINEL_PORT = 26379;

/** A timer's longest time is 2^31 - 1 ms, some 24 days. */
const MOST_SECONDS = 2_000_000;

/** Bytes per unit of a size. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

function refuse(flag: string, text: string, rule: string): UsageError {
  return new UsageError(
    `Cannot parse ${flag} ${JSON.stringify(text)}: must be ${rule}`,
    flag,
  );
}

/** Reads a whole number. */
export function whole(text: string, flag: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw refuse(flag, text, "a whole number, 0 or more");
}

/** Reads seconds; gives ms. */
export function seconds(
  text: string,
  flag: string,
  zero = "no limit",
): number {
  if (/^[0-9]+(\.[0-9]+)?$/.test(text) && Number(text) <= MOST_SECONDS) {
    return Number(text) * 1000;
  }
  throw refuse(flag, text, `seconds, as in 30 or 0.5; 0 is ${zero}`);
}

/** Reads how many seconds to wait; gives ms. */
export function patience(text: string, flag: string): number {
  return seconds(text, flag, "not to wait");
}

/** Reads a size; gives bytes. */
export function size(text: string, flag: string): number {
  const match = /^([0-9]{1,12})([kmg]?)b?$/i.exec(text);
  const bytes = match === null
    ? 0
    : Number(match[1]) * UNITS[match[2].toLowerCase()];
  // A record lies in one buffer, whose offsets are 32-bit numbers.
  if (bytes >= 1 && bytes <= 1024 ** 3) return bytes;
  throw refuse(flag, text, "between 1 and 1g, as in 65536, 512k or 64m");
}

/** Reads one of a few words. */
export function oneOf<const T extends string>(
  words: readonly T[],
): (text: string, flag: string) => T {
  return (text, flag) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw refuse(flag, text, `one of ${words.join(", ")}`);
  };
}

/** Reads names with commas between. */
export function names(text: string): readonly string[] {
  return text.split(",");
}

/** Reads a host, and knows what people write in its place. */
export function host(text: string, flag: string): string {
  // Not quoted: it may hold a password.
  if (/^[a-z]+:\/\//i.test(text)) {
    throw new UsageError(
      `${flag} takes a host alone; a server's URI is given with -u`,
      flag,
    );
  }
  // An IPv6 address has more colons than one.
  const both = /^([^:]*):([0-9]+)$/.exec(text) ??
    /^\[(.+)\]:([0-9]+)$/.exec(text);
  if (both !== null) {
    throw new UsageError(
      `${flag} takes a host alone, not ${JSON.stringify(text)}; write ` +
        `${both[1] === "" ? "" : `-h ${both[1]} `}-p ${both[2]}`,
      flag,
    );
  }
  return text;
}

/** Reads where Redis Sentinels listen. */
export function sentinels(text: string, flag: string): readonly TcpAddress[] {
  return text.split(",").map((one) => parseHostPort(one, flag, SENTINEL_PORT));
}

/** Reads the command that opens a way to the server. */
export function tunnelWords(text: string, flag: string): readonly string[] {
  const words = splitWords(text, flag);
  if (words.some((word) => word.includes("{port}"))) return words;
  throw new UsageError(
    `${flag} needs {port} in its command, where the local port goes, as in ` +
      `${flag} 'kubectl port-forward pod/redis-0 {port}:6379'`,
    flag,
  );
}

/** Makes a reader of the path of a file that another one stands beside. */
export function besides(
  suffix: string,
): (text: string, flag: string) => string {
  return (text, flag) => {
    if (text !== "" && text !== "-" && !/^\/(dev|proc)\//.test(text)) {
      return text;
    }
    throw new UsageError(
      `Cannot use ${flag} ${JSON.stringify(text)}: must be the name of a ` +
        `file, because respipe writes FILE${suffix} beside it`,
      flag,
    );
  };
}
