import { assertEquals } from "@std/assert";
import {
  parseRedirection,
  type Redirection,
} from "../../src/protocol/redirection.ts";

type Row = [text: string, redirection: Redirection | undefined];

function moved(slot: number, host: string | undefined): Redirection {
  return { kind: "moved", slot, host, port: 6381 };
}

const TABLE: Row[] = [
  ["MOVED 3999 127.0.0.1:6381", moved(3999, "127.0.0.1")],
  ["MOVED 0 redis-1.example:6381", moved(0, "redis-1.example")],
  ["MOVED 16383 ::1:6381", moved(16383, "::1")],
  ["MOVED 3999 2001:db8::2:1:6381", moved(3999, "2001:db8::2:1")],
  ["MOVED 3999 [2001:db8::2]:6381", moved(3999, "2001:db8::2")],
  ["MOVED 3999 :6381", moved(3999, undefined)],
  ["MOVED 3999 ?:6381", moved(3999, undefined)],
  ["ASK 3999 127.0.0.1:6381", { ...moved(3999, "127.0.0.1"), kind: "ask" }],
  ["ASK 3999 :6381", { ...moved(3999, undefined), kind: "ask" }],
  ["MOVED 16384 127.0.0.1:6381", undefined],
  ["MOVED 3999 127.0.0.1:0", undefined],
  ["MOVED 3999 127.0.0.1:65536", undefined],
  ["MOVED 3999 127.0.0.1", undefined],
  ["MOVED 3999", undefined],
  ["MOVED x 127.0.0.1:6381", undefined],
  ["moved 3999 127.0.0.1:6381", undefined],
  ["ERR MOVED 3999 127.0.0.1:6381", undefined],
  ["ASKING 3999 127.0.0.1:6381", undefined],
  ["TRYAGAIN Multiple keys request during rehashing of slot", undefined],
  ["CLUSTERDOWN Hash slot not served", undefined],
  ["", undefined],
];

for (const [text, redirection] of TABLE) {
  Deno.test(`parseRedirection reads ${JSON.stringify(text)}`, () => {
    assertEquals(parseRedirection(text), redirection);
  });
}
