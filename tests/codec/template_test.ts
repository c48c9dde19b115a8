import { assertEquals, assertThrows } from "@std/assert";
import { Header } from "../../src/codec/header.ts";
import {
  type Argument,
  CommandTemplate,
  compileTemplate,
} from "../../src/codec/template.ts";
import { UsageError } from "../../src/errors.ts";

const DRIVERS = Header.named(["id", "name", "city", "lat", "lng", "status"]);

/** An argument as plain values: text, column numbers, or `pairs`. */
function show(argument: Argument): unknown {
  if (argument.kind === "pairs") return { pairs: argument.columns };
  if (argument.kind === "members") return { members: argument.column };
  const decoder = new TextDecoder();
  return argument.pieces.map((piece) =>
    typeof piece === "number" ? piece : decoder.decode(piece)
  );
}

Deno.test("placeholders become columns", () => {
  const rows: [words: string[], ...shown: unknown[]][] = [
    [["SET", "driver:{id}", "{name}"], ["SET"], ["driver:", 0], [1]],
    [["SET", "{1}", "{6}"], ["SET"], [0], [5]],
    [["HSET", "d:{id}", "{*}"], ["HSET"], ["d:", 0], {
      pairs: [0, 1, 2, 3, 4, 5],
    }],
    [["HSET", "k", "{*-id,lat,5}"], ["HSET"], ["k"], { pairs: [1, 2, 5] }],
    [["HSET", "k", "{*-id,id}"], ["HSET"], ["k"], { pairs: [1, 2, 3, 4, 5] }],
    [["X", "{*-id,name,city,lat}", "{*}"], ["X"], { pairs: [4, 5] }, {
      pairs: [0, 1, 2, 3, 4, 5],
    }],
    [
      ["GEOADD", "drivers", "{lng}", "{lat}", "{id}"],
      ["GEOADD"],
      [
        "drivers",
      ],
      [4],
      [3],
      [0],
    ],
  ];
  for (const [words, ...shown] of rows) {
    const template = compileTemplate([words], DRIVERS);
    assertEquals(template.commands.length, 1);
    assertEquals<unknown>(template.commands[0].map(show), shown, `${words}`);
    assertEquals(template.header, DRIVERS);
  }
});

Deno.test("several commands are compiled in order", () => {
  const template = compileTemplate([
    ["SET", "{id}", "x"],
    ["EXPIRE", "{id}", "60"],
  ], DRIVERS);
  assertEquals(
    template.commands.map((command) => command.map(show)),
    [[["SET"], [0], ["x"]], [["EXPIRE"], [0], ["60"]]],
  );
});

Deno.test("a template is compiled for one header after the other", () => {
  const template = new CommandTemplate([["SET", "{id}", "{2}"]]);
  const columns = [["id", "a"], ["a", "id"], ["x", "y", "id"]].map((names) =>
    template.compile(Header.named(names)).commands[0].map(show)
  );
  assertEquals(columns, [
    [["SET"], [0], [1]],
    [["SET"], [1], [1]],
    [["SET"], [2], [1]],
  ]);
});

Deno.test("a template that does not fit its header is refused", () => {
  const twice = Header.named(["a", "b", "a", ""]);
  const rows: [words: string[], header: Header, message: string][] = [
    [["SET", "{uid}", "x"], DRIVERS, "{uid}: there is no such column"],
    [["SET", "{7}", "x"], DRIVERS, "{7}: there are only 6 columns"],
    [["HSET", "k", "{*-uid}"], DRIVERS, "{uid}: there is no such column"],
    [
      ["HSET", "k", "{*-id,name,city,lat,lng,status}"],
      DRIVERS,
      "it leaves no column",
    ],
    [["SET", "{a}", "x"], twice, "names it twice (columns 1 and 3)"],
    [["HSET", "k", "{*}"], twice, "names it twice"],
    [["HSET", "k", "{*-a}"], twice, "names it twice"],
    [["HSET", "k", "{*-1,3}"], twice, "column 4: its name in the header is"],
    [["HSET", "k", "{*}"], Header.numbered(2), "has no header"],
    [["SET", "{id}", "x"], Header.numbered(2), "has no header"],
  ];
  for (const [words, header, message] of rows) {
    assertThrows(
      () => compileTemplate([words], header),
      UsageError,
      message,
      `${words}`,
    );
  }
});

Deno.test("a name that is empty or stands twice is no matter where it is not used", () => {
  const header = Header.named(["a", "b", "a", ""]);
  const template = compileTemplate([["HSET", "{b}", "{*-1,3,4}"]], header);
  assertEquals(template.commands[0].map(show), [["HSET"], [1], { pairs: [1] }]);
});

Deno.test("a template without a command, or a malformed one, needs no header to be refused", () => {
  const rows: [commands: string[][], message: string][] = [
    [[], "there is no command"],
    [[[]], "there is no command"],
    [[["PING"], []], "there is no command"],
    [[["SET", "{k", "v"]], 'Cannot compile "{k": '],
    [[["MONITOR"]], "Cannot use MONITOR"],
  ];
  for (const [commands, message] of rows) {
    assertThrows(
      () => new CommandTemplate(commands),
      UsageError,
      message,
      JSON.stringify(commands),
    );
  }
});
