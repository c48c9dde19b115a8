import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import { parseUri, type UriParts, withUri } from "../../src/transport/uri.ts";

const GOOD: [uri: string, parts: UriParts][] = [
  ["redis://", {}],
  ["redis://cache", { host: "cache" }],
  ["redis://cache/", { host: "cache" }],
  ["redis://cache:7000", { host: "cache", port: 7000 }],
  ["redis://:7000", { port: 7000 }],
  ["redis://cache/3", { host: "cache", database: 3 }],
  ["redis://cache?db=3", { host: "cache", database: 3 }],
  ["REDIS://cache", { host: "cache" }],
  ["valkey://cache", { host: "cache" }],
  ["rediss://cache", { host: "cache", tls: true }],
  ["valkeys://cache:1", { host: "cache", port: 1, tls: true }],
  ["redis://u:p@h", { user: "u", password: "p", host: "h" }],
  ["redis://:p@h", { password: "p", host: "h" }],
  ["redis://p@h", { password: "p", host: "h" }],
  ["redis://u:@h", { user: "u", host: "h" }],
  ["redis://a%40b:p%3A%2Fq@h", { user: "a@b", password: "p:/q", host: "h" }],
  ["redis://u:p:q@h", { user: "u", password: "p:q", host: "h" }],
  ["redis://u:p@q@h", { user: "u", password: "p@q", host: "h" }],
  ["redis://u:p%C3%A4@h", { user: "u", password: "p\u00e4", host: "h" }],
  ["redis://[::1]", { host: "::1" }],
  ["redis://[::1]:7000/2", { host: "::1", port: 7000, database: 2 }],
  ["redis://u:p@[fe80::1%25eth0]:1", {
    ...{ user: "u", password: "p", host: "fe80::1%eth0", port: 1 },
  }],
  ["unix:///run/a.sock", { path: "/run/a.sock" }],
  ["unix:///run/a%20b.sock?db=2", { path: "/run/a b.sock", database: 2 }],
  ["unix://u:p@/a", { user: "u", password: "p", path: "/a" }],
];

for (const [uri, parts] of GOOD) {
  Deno.test(`parseUri reads ${uri}`, () => assertEquals(parseUri(uri), parts));
}

const BAD: [uri: string, part: string][] = [
  ["", "scheme"],
  ["cache:6379", "scheme"],
  ["http://s3cret@h", "scheme"],
  ["s3cret", "scheme"],
  ["toString://s3cret", "scheme"],
  ["redis://u:s3cret@h:port", "port"],
  ["redis://u:s3cret@h:0", "port"],
  ["redis://u:s3cret@h:65536", "port"],
  // What is behind the slash was meant to be a password.
  ["redis://u:12/s3cret@h", "database"],
  ["redis://u:s3cret/x@h", "database"],
  ["redis://u:s3cret@::1", "host"],
  ["redis://u:s3cret@[::1", "host"],
  ["redis://u:s3cret@[]", "host"],
  ["redis://u:s3cret@a%20b", "host"],
  ["redis://u:s3cret%@h", "password"],
  ["redis://%zz:s3cret@h", "user"],
  ["redis://u:s3cret@h/x", "database"],
  ["redis://u:s3cret@h/1/2", "database"],
  ["redis://u:s3cret@h?db=-1", "database"],
  ["redis://u:s3cret@h?password=s3cret", "query"],
  ["unix://u:s3cret@", "path"],
];

for (const [uri, part] of BAD) {
  Deno.test(`parseUri blames the ${part} of ${uri}`, () => {
    const error = assertThrows(
      () => parseUri(uri, "REDIS_URL"),
      UsageError,
      `Cannot parse the ${part} of REDIS_URL: `,
    );
    assert(!error.message.includes("s3cret"), error.message);
  });
}

Deno.test("withUri lets what was said win over the URI's parts", () => {
  const url = "redis://u:p@h:1/2";
  assertEquals(withUri({ url, host: "x" } as { url: string; path?: string }), {
    ...{ user: "u", password: "p", host: "x", port: 1, database: 2 },
  });
  assertEquals(withUri({ url, path: "/s" }), {
    ...{ user: "u", password: "p", path: "/s", database: 2 },
  });
  assertEquals(withUri({ path: "/s" }), { path: "/s" });
});
