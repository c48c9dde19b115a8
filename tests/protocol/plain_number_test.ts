import { assertEquals } from "@std/assert";
import { isPlainNumber } from "../../src/protocol/plain_number.ts";
import { Random } from "../support/random.ts";
import { startServer } from "../support/redis_server.ts";

const encoder = new TextEncoder();

function isPlain(text: string, bound = Infinity): boolean {
  const bytes = encoder.encode(`9${text}9`);
  return isPlainNumber(bytes, 1, bytes.length - 1, bound);
}

const NUMBERS: [text: string, plain: boolean][] = [
  ["0", true],
  ["-0", true],
  ["7", true],
  ["007", true],
  ["1.5", true],
  ["-1.50", true],
  ["0.0000001", true],
  ["9007199254740993", true],
  ["1".repeat(32), true],
  ["-" + "1".repeat(31), true],
  ["1." + "1".repeat(30), true],
  ["1".repeat(33), false],
  ["1." + "1".repeat(31), false],
  ["", false],
  ["-", false],
  [".", false],
  ["-.", false],
  ["1e5", false],
  ["1E5", false],
  ["+1", false],
  [".5", false],
  ["-.5", false],
  ["5.", false],
  ["nan", false],
  ["inf", false],
  ["-inf", false],
  [" 1", false],
  ["1 ", false],
  ["1\n", false],
  ["0x1", false],
  ["1_000", false],
  ["1,5", false],
  ["1.5.2", false],
  ["--1", false],
  ["1-", false],
  ["NX", false],
  ["CH", false],
  ["/", false],
  [":", false],
  ["\u0661", false],
];

Deno.test("a plain number is an optional minus, digits, a point with digits", () => {
  for (const [text, plain] of NUMBERS) assertEquals(isPlain(text), plain, text);
});

Deno.test("a plain number is within its bound", () => {
  const rows: [text: string, bound: number, plain: boolean][] = [
    ["180", 180, true],
    ["-180", 180, true],
    ["180.0000", 180, true],
    ["179.99999999999999999999", 180, true],
    ["180.1", 180, false],
    ["-180.00000000000000000000000001", 180, false],
    ["181", 180, false],
    ["1".repeat(32), 180, false],
    ["85", 85, true],
    ["-84.99", 85, true],
    // The server takes it; the row just goes alone.
    ["-85.05", 85, false],
    ["85.06", 85, false],
    ["0", 0, true],
    ["-0.1", 0, false],
  ];
  for (const [text, bound, plain] of rows) {
    assertEquals(isPlain(text, bound), plain, `${text} within ${bound}`);
  }
});

/** Mostly digits, in the shape of a number more often than not. */
function randomText(random: Random, whole: number): string {
  const digits = (most: number) =>
    Array.from({ length: 1 + random.int(most) }, () => random.int(10)).join("");
  const sign = random.pick(["", "", "-", "-", "+", " "]);
  const front = random.int(3) === 0
    ? digits(random.pick([3, 15, 32]))
    : String(random.int(whole));
  const fraction = random.pick(["", ".", "." + digits(3), "." + digits(28)]);
  return sign + front + fraction + random.pick(["", "", "", "", "e2", "x"]);
}

Deno.test("the server takes every number that is plain", async () => {
  await using server = await startServer();
  const seed = Random.seed();
  const random = new Random(seed);
  const scores: string[] = NUMBERS.map(([text]) => text);
  for (let i = 0; i < 5000; i++) scores.push(randomText(random, 10 ** 9));
  const places = Array.from({ length: 5000 }, () => [
    random.pick(["180", "-180.0", randomText(random, 182)]),
    random.pick(["85", "-85.000", randomText(random, 87)]),
  ]);
  const commands = [
    ...scores.filter((score) => isPlain(score))
      .map((score) => ["ZADD", "z", score, "m"]),
    ...places.filter(([lon, lat]) => isPlain(lon, 180) && isPlain(lat, 85))
      .map(([lon, lat]) => ["GEOADD", "g", lon, lat, "m"]),
  ];
  const refused = (await server.commands(commands)).flatMap((reply, i) =>
    reply.kind === "integer" ? [] : [commands[i].join(" ")]
  );
  assertEquals(refused, [], `RESPIPE_SEED=${seed}`);
  const of = (name: string) => commands.filter((it) => it[0] === name).length;
  // Both kinds were tried.
  assertEquals([of("ZADD") > 1000, of("GEOADD") > 300], [true, true]);
});
