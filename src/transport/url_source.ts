/**
 * A source behind a URL, read while it comes.
 *
 * Why it has this shape: redirects are followed here, because a header with a
 * secret must not go to another host, and a presigned URL has its secret in the
 * query; so messages have the URL without it. A read that breaks off is taken up
 * where the server says that it still has the same content.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { reasonOf } from "./reason.ts";
import { backoff } from "./retry.ts";
import type { Source } from "./source.ts";

/** A name and a value of a header. */
export type HeaderLine = readonly [name: string, value: string];

/** Redirects that are followed at the most. */
const MOST_REDIRECTS = 10;

/** Attempts to take up a read: for about 5 s, as {@linkcode backoff} pauses. */
const ATTEMPTS = 8;

/** What tells whether a source's content is what it was. */
export interface Validator {
  /** What it is: a hash of a file's bytes, or what a URL's server says. */
  readonly kind: "SHA-256" | "ETag" | "Last-Modified";
  /** Its value. */
  readonly value: string;
}

/** A web page, which is never data, but often a login or an error. */
const PAGE = /^(text\/html|application\/xhtml\+xml)\b/i;

/**
 * Tells a URL from a path.
 *
 * @returns Whether it begins with `http://` or `https://`.
 */
export function isUrl(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

/**
 * What to call a source in messages: a URL without what may be secret in it.
 *
 * @param path A path or a URL.
 * @returns The path as it is; the URL without its user, password and query.
 *
 * @example
 * ```ts
 * import { sourceName } from "./url_source.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   sourceName("https://me:pw@host/users.csv?X-Amz-Signature=0a"),
 *   "https://host/users.csv?...",
 * );
 * assertEquals(sourceName("users.csv"), "users.csv");
 * ```
 */
export function sourceName(path: string): string {
  if (!isUrl(path)) return path;
  if (!URL.canParse(path)) return path.replace(/\?.*|^(\w+:\/\/).*@/gs, "$1");
  const { origin, pathname, search } = new URL(path);
  return `${origin}${pathname}${search === "" ? "" : "?..."}`;
}

/**
 * Opens a URL.
 *
 * @param headers What to send to its host besides.
 * @throws {InputError} When the server does not give the content.
 */
export async function openUrl(
  path: string,
  headers: readonly HeaderLine[] = [],
): Promise<Source> {
  const source = new UrlSource(path, headers);
  await source.open();
  return source;
}

/**
 * Asks a URL's server whether the content is what it was.
 *
 * An unchanged one costs a request and no content. Servers that ignore the
 * condition, and send it all the same, are found out by what they say of it.
 *
 * @param headers What to send to its host besides.
 * @returns Whether it is the same; false also where the server refuses.
 * @throws {InputError} When the server cannot be reached.
 */
export async function isUrlUnchanged(
  path: string,
  headers: readonly HeaderLine[] | undefined,
  known: Validator,
): Promise<boolean> {
  const source = new UrlSource(path, headers ?? []);
  try {
    return await source.has(known);
  } finally {
    source.close();
  }
}

class UrlSource implements Source {
  readonly name: string;
  size: number | undefined;
  validator: Validator | undefined;
  readonly #url: URL;
  readonly #headers: Headers;
  readonly #stop = new AbortController();
  #body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #rest: Uint8Array = new Uint8Array();
  #offset = 0;
  /** What a read that breaks off is taken up by, where it can be. */
  #rangeValidator: string | undefined;
  #attempts = 0;

  constructor(path: string, headers: readonly HeaderLine[]) {
    this.name = sourceName(path);
    if (!URL.canParse(path)) throw this.#error("it is no URL");
    this.#url = new URL(path);
    this.#headers = new Headers(headers.map(([name, value]) => [name, value]));
    const { username, password } = this.#url;
    if (username !== "" || password !== "") {
      const bytes = new TextEncoder().encode(
        `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
      );
      const text = btoa(String.fromCharCode(...bytes));
      this.#headers.set("authorization", `Basic ${text}`);
      this.#url.username = this.#url.password = "";
    }
  }

  async open(): Promise<void> {
    const response = await this.#request();
    const { headers, body } = response;
    const type = headers.get("content-type") ?? "";
    if (response.status !== 200) {
      await body?.cancel();
      throw this.#error(this.#refusal(response));
    }
    if (PAGE.test(type)) {
      await body?.cancel();
      throw this.#error(
        `the server gives a web page (${type}), which is no data; does the ` +
          "URL ask for a login?",
      );
    }
    this.validator = this.#validatorIn(headers);
    const length = headers.get("content-length");
    // Without it the runtime has perhaps unpacked what was packed for the way
    // only; then these bytes are not those that the server counts.
    if (length !== null) {
      this.size = Number(length);
      const tag = headers.get("etag");
      this.#rangeValidator = tag !== null && !tag.startsWith("W/")
        ? tag
        : headers.get("last-modified") ?? undefined;
    }
    this.#body = body?.getReader();
  }

  /** Whether the content still has a validator; it is not read. */
  async has(known: Validator): Promise<boolean> {
    const condition = known.kind === "ETag"
      ? "if-none-match"
      : "if-modified-since";
    const { status, headers, body } = await this.#request([
      [condition, known.value],
    ]);
    await body?.cancel();
    const now = this.#validatorIn(headers);
    if (now === undefined) return status === 304;
    return (status === 304 || status === 200) && now.kind === known.kind &&
      // A weak one is good enough: the content means the same.
      now.value.replace(/^W\//, "") === known.value.replace(/^W\//, "");
  }

  #validatorIn(headers: Headers): Validator | undefined {
    const tag = headers.get("etag");
    if (tag !== null) return { kind: "ETag", value: tag };
    const time = headers.get("last-modified");
    // With another query it may be other content, just as old.
    if (time === null || this.#url.search !== "") return undefined;
    return { kind: "Last-Modified", value: time };
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#next();
      if (done) return null;
      this.#rest = value;
      this.#offset += value.length;
    }
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  close(): void {
    this.#stop.abort();
  }

  /** Reads on, and takes up what breaks off. */
  async #next(): Promise<ReadableStreamReadResult<Uint8Array>> {
    for (;;) {
      let reason: string;
      try {
        if (this.#body === undefined) return { done: true };
        const result = await this.#body.read();
        if (!result.done) this.#attempts = 0;
        const isWhole = this.size === undefined || this.#offset >= this.size;
        if (!result.done || isWhole) return result;
        reason = "the connection was closed";
      } catch (error) {
        reason = this.#reason(error);
      }
      await this.#takeUp(reason);
    }
  }

  async #takeUp(broken: string): Promise<void> {
    const far = `after ${this.#offset} bytes: ${broken}`;
    if (this.#rangeValidator === undefined) {
      throw this.#error(
        `${far}; the server gives no size, or no ETag or Last-Modified, to go ` +
          "on by",
      );
    }
    if (this.#attempts === ATTEMPTS) throw this.#error(far);
    const pause = backoff(++this.#attempts);
    await new Promise((wake) => setTimeout(wake, pause));
    let response: Response;
    try {
      response = await this.#request([
        ["range", `bytes=${this.#offset}-`],
        ["if-range", this.#rangeValidator],
      ]);
    } catch (error) {
      if (this.#attempts === ATTEMPTS) throw error;
      return this.#takeUp(broken);
    }
    const range = response.headers.get("content-range") ?? "";
    if (
      response.status === 206 && range.startsWith(`bytes ${this.#offset}-`)
    ) {
      this.#body = response.body?.getReader();
      return;
    }
    await response.body?.cancel();
    throw this.#error(
      response.status === 200
        ? `${far}; the server cannot go on there, or has other content by now`
        : `${far}; then ${this.#refusal(response)}`,
    );
  }

  /** Asks for the content, wherever the server sends us for it. */
  async #request(more: readonly HeaderLine[] = []): Promise<Response> {
    let url = this.#url;
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      // What is for this host is for no other one.
      const headers = new Headers(
        url.origin === this.#url.origin ? this.#headers : undefined,
      );
      headers.set("accept-encoding", "identity");
      for (const [name, value] of more) headers.set(name, value);
      let response: Response;
      try {
        const { signal } = this.#stop;
        response = await fetch(url, { headers, redirect: "manual", signal });
      } catch (error) {
        throw this.#error(this.#reason(error, url));
      }
      const to = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || to === null) {
        return response;
      }
      await response.body?.cancel();
      if (!URL.canParse(to, url)) {
        throw this.#error("the server sends us on to what is no URL");
      }
      const next = new URL(to, url);
      if (url.protocol === "https:" && next.protocol !== "https:") {
        throw this.#error(
          `the server sends us on to ${sourceName(next.href)}, which is not ` +
            "safe from being read on the way",
        );
      }
      url = next;
    }
    throw this.#error(
      `the server sends us on more than ${MOST_REDIRECTS} times`,
    );
  }

  #refusal({ status, statusText }: Response): string {
    const hints: Record<number, string> = {
      401: "; --header-file or --header gives what it asks for",
      403: this.#url.search === ""
        ? "; --header-file or --header may give what it asks for"
        : "; has the URL expired?",
    };
    return `the server answers ${`${status} ${statusText}`.trim()}` +
      (hints[status] ?? "");
  }

  /** What went wrong, without the URL, which may have a secret in it. */
  #reason(error: unknown, url = this.#url): string {
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    const flag = `--allow-net=${url.hostname}:${port}`;
    // Some versions of Deno keep what has happened in the cause.
    const cause = error instanceof TypeError && error.cause instanceof Error
      ? error.cause
      : error;
    const reason = reasonOf(cause, flag)
      .replace(/ ?(?:for url )?\(https?:[^)]*\)/, "")
      .replace(/^error sending request: client error \(\w+\): /, "")
      .replaceAll(url.href, sourceName(url.href));
    return /connection refused/i.test(reason)
      ? "the connection was refused"
      : reason;
  }

  #error(reason: string): InputError {
    return new InputError(`Cannot read ${this.name}: ${reason}`, {
      source: this.name,
    });
  }
}
