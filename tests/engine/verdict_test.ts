import { assert, assertEquals } from "@std/assert";
import { type Verdict, verdictOf } from "../../src/engine/verdict.ts";
import { errorIn } from "../../src/protocol/reply.ts";
import { startServer } from "../support/redis_server.ts";

/** A user's own command, and one that respipe made of several rows. */
const OWN_COMMAND = { isMade: false, sameShape: true, isCluster: false };
const MADE = { ...OWN_COMMAND, isMade: true };
const IN_CLUSTER = { ...OWN_COMMAND, isCluster: true };

function kindOf(error: string, context = OWN_COMMAND): Verdict["kind"] {
  return verdictOf(error, context).kind;
}

/** Texts of several versions of Redis and Valkey. */
const STOPPING = [
  "OOM command not allowed when used memory > 'maxmemory'.",
  "READONLY You can't write against a read only replica.",
  "READONLY You can't write against a read only slave.",
  "NOAUTH Authentication required.",
  "NOPERM this user has no permissions to run the 'set' command",
  "NOPERM this user has no permissions to run the 'set' command or its " +
  "subcommand",
  "NOPERM User loader has no permissions to run the 'hset' command",
  "NOPERM User keys has no permissions to run the 'keys' command",
  "MISCONF Redis is configured to save RDB snapshots, but it's currently " +
  "unable to persist to disk. Commands that may modify the data set are " +
  "disabled",
  "MISCONF Errors writing to the AOF file: No space left on device",
  "LOADING Redis is loading the dataset in memory",
  "LOADING Valkey is loading the dataset in memory",
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set " +
  "to 'no'.",
  "NOREPLICAS Not enough good replicas to write.",
  "CLUSTERDOWN The cluster is down",
  "CLUSTERDOWN Hash slot not served",
  "MOVED 3999 127.0.0.1:6381",
  "ASK 3999 127.0.0.1:6381",
  "BUSY Redis is busy running a script. You can only call SCRIPT KILL or " +
  "SHUTDOWN NOSAVE.",
  "ERR unknown command 'JSON.SET', with args beginning with: 'a' '$' ",
  "ERR unknown command `FOO`, with args beginning with: ",
  "ERR Unknown subcommand or wrong number of arguments for 'foo'. Try " +
  "CLIENT HELP.",
  "ERR unknown subcommand 'FOO'. Try CLIENT HELP.",
  "ERR wrong number of arguments for 'set' command",
  "NOSCRIPT No matching script. Please use EVAL.",
  "ERR Function not found",
  "EXECABORT Transaction discarded because of: OOM command not allowed when " +
  "used memory > 'maxmemory'.",
  "EXECABORT Transaction discarded because of: READONLY You can't write " +
  "against a read only replica.",
];

const OWN = [
  "WRONGTYPE Operation against a key holding the wrong kind of value",
  "ERR value is not an integer or out of range",
  "ERR value is not a valid float",
  "ERR hash value is not an integer",
  "ERR invalid longitude,latitude pair 181.000000,1.000000",
  "ERR invalid expire time in 'setex' command",
  "ERR syntax error",
  "ERR increment or decrement would overflow",
  "ERR index out of range",
  "ERR The ID specified in XADD is equal or smaller than the target stream " +
  "top item",
  "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
  "NOPERM this user has no permissions to access one of the keys used as " +
  "arguments",
  "NOPERM No permissions to access a key",
  "NOPERM this user has no permissions to access one of the channels used as " +
  "arguments",
  "BUSYKEY Target key name already exists.",
  "BUSYGROUP Consumer Group name already exists",
  "CROSSSLOT Keys in request don't hash to the same slot",
  "EXECABORT Transaction discarded because of previous errors.",
  "ERR the record says OOM READONLY",
  "OOMPH is no error of the server's",
  "",
];

for (const error of STOPPING) {
  Deno.test(`going on is pointless: ${error.slice(0, 60)}`, () => {
    const verdict = verdictOf(error, OWN_COMMAND);
    assert(verdict.kind === "stop" || verdict.kind === "wait");
    assert(verdict.advice.length > 20);
  });
}

for (const error of OWN) {
  Deno.test(`the record's own: ${error.slice(0, 60)}`, () => {
    assertEquals(kindOf(error), "reject");
  });
}

for (
  const [error, kind, elsewhere] of [
    ["LOADING Redis is loading the dataset in memory", "wait", "wait"],
    ["READONLY You can't write against a read only replica.", "wait", "wait"],
    ["MASTERDOWN Link with MASTER is down", "wait", "wait"],
    ["CLUSTERDOWN The cluster is down", "wait", "wait"],
    ["BUSY Redis is busy running a script.", "wait", "wait"],
    ["MOVED 3999 127.0.0.1:6381", "stop", "redirect"],
    ["ASK 3999 127.0.0.1:6381", "stop", "redirect"],
    ["TRYAGAIN Multiple keys request during rehashing", "reject", "redirect"],
    ["OOM command not allowed when used memory > 'maxmemory'.", "stop", "stop"],
    ["WRONGTYPE Operation against a key", "reject", "reject"],
  ] as const
) {
  Deno.test(`one server or a cluster: ${error.slice(0, 40)}`, () => {
    assertEquals(kindOf(error), kind);
    assertEquals(kindOf(error, IN_CLUSTER), elsewhere);
  });
}

for (
  const [error, kind] of [
    ["NOPERM No permissions to access a key", "unshare"],
    ["NOPERM User u has no permissions to run the 'mset' command", "unshare"],
    ["ERR unknown command 'MSET', with args beginning with:", "unshare"],
    ["CROSSSLOT Keys in request don't hash to the same slot", "unshare"],
    ["ERR a proxy does not like MSET", "unshare"],
    ["OOM command not allowed when used memory > 'maxmemory'.", "stop"],
    ["READONLY You can't write against a read only replica.", "wait"],
  ] as const
) {
  Deno.test(`a command made of several rows: ${error}: ${kind}`, () => {
    assertEquals(kindOf(error, MADE), kind);
  });
}

Deno.test("a wrong number of arguments is the record's own where they vary", () => {
  const error = "ERR wrong number of arguments for 'hset' command";
  const various = { ...OWN_COMMAND, sameShape: false };
  assertEquals(kindOf(error), "stop");
  assertEquals(kindOf(error, various), "reject");
  assertEquals(kindOf("OOM command not allowed", various), "stop");
});

/** What a server really says: set-up, the command, and what to tell. */
const PROVOKED: {
  name: string;
  args?: string[];
  before?: string[][];
  command: string[];
  error: string;
  stops: boolean;
}[] = [
  {
    name: "a full server",
    args: ["--maxmemory", "1", "--maxmemory-policy", "noeviction"],
    command: ["SET", "a", "b"],
    error: "OOM ",
    stops: true,
  },
  {
    name: "a replica without its primary",
    args: ["--replicaof", "127.0.0.1", "1"],
    command: ["SET", "a", "b"],
    error: "READONLY ",
    stops: true,
  },
  {
    name: "a replica that serves nothing stale",
    args: [
      "--replicaof",
      "127.0.0.1",
      "1",
      "--replica-serve-stale-data",
      "no",
      "--replica-read-only",
      "no",
    ],
    command: ["SET", "a", "b"],
    error: "MASTERDOWN ",
    stops: true,
  },
  {
    name: "a server without enough replicas",
    args: ["--min-replicas-to-write", "1"],
    command: ["SET", "a", "b"],
    error: "NOREPLICAS ",
    stops: true,
  },
  {
    name: "a server that wants a password",
    args: ["--requirepass", "secret"],
    command: ["SET", "a", "b"],
    error: "NOAUTH ",
    stops: true,
  },
  {
    name: "a user without the command",
    before: [
      ["ACL", "SETUSER", "keys", "on", "nopass", "+get", "~k:*"],
      ["AUTH", "keys", "x"],
    ],
    command: ["KEYS", "*"],
    error: "NOPERM ",
    stops: true,
  },
  {
    name: "a user without the key",
    before: [
      ["ACL", "SETUSER", "bob", "on", "nopass", "+get", "~k:*"],
      ["AUTH", "bob", "x"],
    ],
    command: ["GET", "other"],
    error: "NOPERM ",
    stops: false,
  },
  {
    name: "a cluster node without slots",
    args: ["--cluster-enabled", "yes"],
    command: ["SET", "a", "b"],
    error: "CLUSTERDOWN ",
    stops: true,
  },
  {
    name: "an unknown command",
    command: ["NO.SUCH", "a"],
    error: "ERR unknown command",
    stops: true,
  },
  {
    name: "an unknown subcommand",
    command: ["CLIENT", "NOSUCH"],
    error: "ERR ",
    stops: true,
  },
  {
    name: "too few arguments",
    command: ["SET", "a"],
    error: "ERR wrong number",
    stops: true,
  },
  {
    name: "another type",
    before: [["SET", "a", "x"]],
    command: ["LPUSH", "a", "b"],
    error: "WRONGTYPE ",
    stops: false,
  },
  {
    name: "no integer",
    before: [["SET", "a", "x"]],
    command: ["INCR", "a"],
    error: "ERR value is not an integer",
    stops: false,
  },
  {
    name: "no float",
    command: ["ZADD", "z", "x", "a"],
    error: "ERR value is not a valid float",
    stops: false,
  },
  {
    name: "a place that is none",
    command: ["GEOADD", "g", "1000", "1", "a"],
    error: "ERR invalid longitude",
    stops: false,
  },
  {
    name: "an expiry of 0",
    command: ["SETEX", "a", "0", "b"],
    error: "ERR invalid expire",
    stops: false,
  },
  {
    name: "a stream's old entry",
    command: ["XADD", "s", "0-0", "a", "b"],
    error: "ERR ",
    stops: false,
  },
  {
    name: "a transaction with an error in it",
    before: [["MULTI"], ["NO.SUCH"]],
    command: ["EXEC"],
    error: "EXECABORT ",
    stops: false,
  },
];

for (const { name, args, before, command, error, stops } of PROVOKED) {
  Deno.test(`a real server: ${name} ${stops ? "stops" : "goes on"}`, async () => {
    await using server = await startServer(args === undefined ? {} : { args });
    for (const first of before ?? []) await server.command(...first);
    const text = errorIn(await server.command(...command));
    assert(text?.startsWith(error), `it says ${text}`);
    assertEquals(kindOf(text!) !== "reject", stops, text);
  });
}

Deno.test("a real server: one that cannot save stops", async () => {
  await using server = await startServer({
    args: ["--dbfilename", "dir.rdb"],
  });
  await server.command("CONFIG", "SET", "save", "1000 1");
  await server.command("SET", "a", "b");
  // Where it should save to there is a directory by that name.
  await Deno.mkdir(`${server.directory}/dir.rdb/x`, { recursive: true });
  await server.command("BGSAVE");
  let text: string | undefined;
  for (let i = 0; i < 200 && text === undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    text = errorIn(await server.command("SET", "a", "b"));
  }
  assert(text?.startsWith("MISCONF "), `it says ${text}`);
  assertEquals(kindOf(text!), "stop");
});
