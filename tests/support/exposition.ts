/**
 * A strict reader of Prometheus' text format, written from its description:
 * whatever the description does not allow is thrown.
 *
 * @module
 */

/** A metric with its samples. */
export interface Family {
  /** What it is. */
  type: string;
  /** What it means. */
  help: string;
  /** Its samples. */
  samples: { labels: Record<string, string>; value: number }[];
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const NUMBER =
  /(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]?Inf)/y;

/** Goes through one line. */
class Line {
  #at = 0;

  constructor(readonly text: string) {}

  take(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) this.fail(what);
    this.#at += found!.length;
    return found!;
  }

  has(char: string): boolean {
    if (this.text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  expect(char: string): void {
    if (!this.has(char)) this.fail(JSON.stringify(char));
  }

  rest(): string {
    const rest = this.text.slice(this.#at);
    this.#at = this.text.length;
    return rest;
  }

  /** A label's value behind its opening quote. */
  quoted(): string {
    let value = "";
    while (!this.has('"')) {
      if (this.#at >= this.text.length) this.fail("a closing quote");
      if (!this.has("\\")) value += this.text[this.#at++];
      else if (this.has("n")) value += "\n";
      else if (this.has("\\")) value += "\\";
      else if (this.has('"')) value += '"';
      else this.fail("an escape");
    }
    return value;
  }

  end(): void {
    if (this.#at !== this.text.length) this.fail("the end of the line");
  }

  fail(what: string): void {
    throw new Error(`expected ${what} at ${this.#at} of ${this.text}`);
  }
}

/**
 * Reads a whole file.
 *
 * @param text The file.
 * @returns Its metrics by name.
 */
export function readExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  if (text === "") return families;
  if (!text.endsWith("\n")) throw new Error("the last line is not ended");
  let current: string | undefined;
  for (const one of text.slice(0, -1).split("\n")) {
    const line = new Line(one);
    if (line.has("#")) {
      line.expect(" ");
      const word = line.take(/HELP|TYPE/y, "HELP or TYPE");
      line.expect(" ");
      const name = line.take(NAME, "a name");
      line.expect(" ");
      if (word === "HELP") {
        if (families.has(name)) line.fail("a metric that is new");
        const help = line.rest();
        if (/\\(?![n\\])/.test(help)) line.fail("no such escape");
        families.set(name, { help, type: "", samples: [] });
        current = name;
      } else {
        const family = families.get(name);
        if (family === undefined || name !== current || family.type !== "") {
          line.fail("TYPE once, right behind HELP");
        }
        family!.type = line.take(
          /counter|gauge|histogram|summary|untyped/y,
          "a type",
        );
        line.end();
      }
      continue;
    }
    const name = line.take(NAME, "a name");
    const family = families.get(name);
    if (family === undefined || name !== current || family.type === "") {
      line.fail("samples right behind their HELP and TYPE");
    }
    const labels: Record<string, string> = {};
    if (line.has("{")) {
      while (!line.has("}")) {
        const label = line.take(LABEL, "a label");
        if (label in labels) line.fail("a label that is new");
        line.expect("=");
        line.expect('"');
        labels[label] = line.quoted();
        if (!line.has(",")) {
          line.expect("}");
          break;
        }
      }
    }
    line.expect(" ");
    const value = line.take(NUMBER, "a number");
    line.end();
    const series = JSON.stringify([name, Object.entries(labels).sort()]);
    if (seen.has(series)) line.fail("a series that is new");
    seen.add(series);
    family!.samples.push({
      labels,
      value: Number(value.replace("Inf", "Infinity")),
    });
  }
  return families;
}
