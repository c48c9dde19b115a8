import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import { formatAddress, parsePort } from "../../src/transport/address.ts";

for (const [text, port] of [["1", 1], ["6379", 6379], ["65535", 65535]]) {
  Deno.test(`parsePort reads ${text}`, () => {
    assertEquals(parsePort(String(text)), port);
  });
}

const BAD = [
  ...[
    "",
    "0",
    "65536",
    "70000",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x10",
    " 80",
    "80 ",
  ],
  ...["x", "6379x", "６３７９", "99999999999999999999"],
];

for (const text of BAD) {
  Deno.test(`parsePort refuses ${JSON.stringify(text)}`, () => {
    assertThrows(
      () => parsePort(text),
      UsageError,
      `Cannot parse port ${JSON.stringify(text)}: ` +
        "must be between 1 and 65535",
    );
  });
}

const ADDRESSES: [host: string, text: string][] = [
  ["localhost", "localhost:7000"],
  ["127.0.0.1", "127.0.0.1:7000"],
  ["::1", "[::1]:7000"],
  ["fe80::1%eth0", "[fe80::1%eth0]:7000"],
];

for (const [host, text] of ADDRESSES) {
  Deno.test(`formatAddress writes ${text}`, () => {
    assertEquals(formatAddress({ host, port: 7000 }), text);
  });
}
