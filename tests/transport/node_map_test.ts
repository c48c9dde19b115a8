import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/errors.ts";
import { formatAddress, parseHostPort } from "../../src/transport/address.ts";
import { parseNodeMap } from "../../src/transport/node_map.ts";

const TABLE: [map: string, announced: string, reachable: string][] = [
  ["10.0.0.1:6379=127.0.0.1:7001", "10.0.0.1:6379", "127.0.0.1:7001"],
  ["10.0.0.1:6379=127.0.0.1:7001", "10.0.0.1:6380", "10.0.0.1:6380"],
  ["10.0.0.1:6379=127.0.0.1:7001", "10.0.0.2:6379", "10.0.0.2:6379"],
  ["a:1=b:2,b:2=c:3", "a:1", "b:2"],
  ["redis-1=localhost", "redis-1:7005", "localhost:7005"],
  ["redis-1=localhost,redis-1:7005=far:1", "redis-1:7005", "far:1"],
  ["redis-1=localhost,redis-1:7005=far:1", "redis-1:7006", "localhost:7006"],
  ["Redis-1.Example=localhost", "redis-1.example:1", "localhost:1"],
  ["[fd00::1]:6379=[::1]:7001", "[fd00::1]:6379", "[::1]:7001"],
  ["[fd00::1]=127.0.0.1", "[fd00::1]:6379", "127.0.0.1:6379"],
  ["10.0.0.1=[::1]", "10.0.0.1:6379", "[::1]:6379"],
];

for (const [map, announced, reachable] of TABLE) {
  Deno.test(`--node-map ${map} maps ${announced}`, () => {
    const address = parseHostPort(announced, "", 1);
    const mapped = parseNodeMap(map)(address);
    assertEquals(formatAddress(mapped), reachable);
  });
}

const BAD: [map: string, message: string][] = [
  ["", 'Cannot parse --node-map "": must be'],
  ["a", 'Cannot parse --node-map "a": must be HOST:PORT=HOST:PORT or HOST=H'],
  ["a=b,", 'Cannot parse --node-map "": must be'],
  ["a:1=b", 'Cannot parse --node-map "a:1=b": must be HOST:PORT=HOST:PORT'],
  ["a=b:1", 'Cannot parse --node-map "a=b:1": must be HOST:PORT=HOST:PORT'],
  ["a:1=b:2=c:3", 'Cannot parse --node-map "a:1=b:2=c:3": must be'],
  ["fd00::1=b", 'Cannot parse port ":1": must be between 1 and 65535'],
  ["[a]b=c", 'Cannot parse --node-map "[a]b": must be HOST:PORT, with'],
  ["a:70000=b:1", 'Cannot parse port "70000": must be between 1 and 65535'],
  ["a:0=b:0", 'Cannot parse port "0": must be between 1 and 65535'],
  ["a:1=b:2,A:1=c:3", 'Cannot use --node-map "a:1=b:2,A:1=c:3": it has A:1 tw'],
];

for (const [map, message] of BAD) {
  Deno.test(`--node-map ${JSON.stringify(map)} is refused`, () => {
    const error = assertThrows(() => parseNodeMap(map), UsageError, message);
    assertEquals(error.flag, "--node-map");
  });
}
