import { assert, assertEquals } from "@std/assert";
import { encodeCommand } from "../../src/protocol/encode_command.ts";
import { assertSentence } from "../support/outcome.ts";
import { plain } from "../support/plain_reply.ts";
import { startServer } from "../support/redis_server.ts";
import { runRespipe } from "../support/run_respipe.ts";

/** A command that changes how commands and replies pair up. */
interface Case {
  words: string[];
  /** Exit code in a pipe. */
  code: number;
  sentence?: RegExp;
  /** Keys that the three SETs around it leave. */
  keys: number;
}

const refused = (name: string): RegExp =>
  new RegExp(`Cannot pipe command 2 \\(-, byte \\d+\\), which is ${name}: `);

const CASES: Case[] = [
  {
    words: ["CLIENT", "REPLY", "OFF"],
    code: 5,
    sentence: refused("CLIENT REPLY OFF"),
    keys: 1,
  },
  {
    words: ["client", "reply", "skip"],
    code: 5,
    sentence: refused("CLIENT REPLY SKIP"),
    keys: 1,
  },
  { words: ["CLIENT", "REPLY", "ON"], code: 0, keys: 3 },
  {
    words: ["SUBSCRIBE", "c"],
    code: 5,
    sentence: refused("SUBSCRIBE"),
    keys: 1,
  },
  { words: ["Monitor"], code: 5, sentence: refused("MONITOR"), keys: 1 },
  { words: ["QUIT"], code: 5, sentence: refused("QUIT"), keys: 1 },
  { words: ["HELLO", "3"], code: 0, keys: 3 },
  {
    words: ["MULTI"],
    code: 5,
    sentence: /leaves the MULTI of command 2 without EXEC/,
    keys: 1,
  },
];

for (const { words, code, sentence, keys } of CASES) {
  for (const form of ["RESP", "inline"]) {
    Deno.test(`pipe: ${words.join(" ")} in ${form}`, async () => {
      await using server = await startServer();
      const input: number[] = [];
      for (const command of [["SET", "a", "1"], words, ["SET", "b", "2"]]) {
        const bytes = form === "RESP"
          ? encodeCommand(command)
          : new TextEncoder().encode(`${command.join(" ")}\r\n`);
        input.push(...bytes);
      }
      input.push(...encodeCommand(["SET", "c", "3"]));
      const run = await runRespipe(
        ["pipe", "-p", `${server.port}`, "--stall-timeout", "20"],
        { stdin: Uint8Array.from(input) },
      );
      assertEquals(run.code, code, run.stderr);
      if (sentence === undefined) assertEquals(run.stderr, "");
      else assertSentence(run.stderr, sentence);
      assert(!/stall/.test(run.stderr), run.stderr);
      assertEquals(plain(await server.command("DBSIZE")), keys);
    });
  }
}

const REFUSED = [
  ["CLIENT", "REPLY", "OFF"],
  ["client", "reply", "skip"],
  ["SUBSCRIBE", "{id}"],
  ["MONITOR"],
  ["QUIT"],
  ["HELLO", "3"],
  ["MULTI"],
];

for (const words of REFUSED) {
  Deno.test(`load: ${words.join(" ")} in a template`, async () => {
    await using server = await startServer();
    const run = await runRespipe(
      ["load", "-p", `${server.port}`, "--", "--", ...words],
      { stdin: "id\n1\n2\n" },
    );
    assertEquals([run.code, run.stdout], [2, ""]);
    assertSentence(run.stderr, new RegExp(words[0], "i"));
  });
}
