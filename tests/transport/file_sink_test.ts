import { assert, assertEquals, assertThrows } from "@std/assert";
import { StoppedError, UsageError } from "../../src/errors.ts";
import { FileSink } from "../../src/transport/file_sink.ts";
import { Random } from "../support/random.ts";
import { TempFiles } from "../support/temp_files.ts";

const SEED = Random.seed();

/** Bytes that a sink gathers before it writes. */
const GATHERED = 64 * 1024;

Deno.test("a sink writes what it is given, in order", () => {
  using files = new TempFiles();
  const random = new Random(SEED);
  const path = `${files.path}/out`;
  const sink = FileSink.create(path, "--rejects");
  const lengths = [0, 1, GATHERED - 1, 1, GATHERED, 2 * GATHERED + 1, 5];
  for (let i = 0; i < 100; i++) lengths.push(random.int(3000));
  const all: number[] = [];
  const buffer = new Uint8Array(3 * GATHERED);
  for (const length of lengths) {
    const bytes = buffer.subarray(0, length);
    for (let i = 0; i < length; i++) bytes[i] = random.int(256);
    for (const byte of bytes) all.push(byte);
    sink.write(bytes);
    // Whoever lends the bytes uses them again.
    buffer.fill(0);
  }
  sink.close();
  const written = Deno.readFileSync(path);
  assertEquals(written.length, all.length);
  const same = written.every((byte, i) => byte === all[i]);
  assert(same, `RESPIPE_SEED=${SEED}`);
});

Deno.test("a sink empties a file that is there", () => {
  using files = new TempFiles();
  const path = files.write("out", "old and long");
  const sink = FileSink.create(path, "--rejects");
  sink.write(new Uint8Array([0x61]));
  sink.close();
  assertEquals(Deno.readTextFileSync(path), "a");
});

Deno.test("a sink removes a file that stayed empty", () => {
  using files = new TempFiles();
  const sink = FileSink.create(`${files.path}/out`, "--rejects");
  sink.write(new Uint8Array());
  assert(Deno.statSync(sink.path).isFile);
  sink.close();
  assertThrows(() => Deno.statSync(sink.path), Deno.errors.NotFound);
});

Deno.test({
  name: "a sink does not remove what is no file",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    using files = new TempFiles();
    // Were it /dev/null itself, a mistake would break the machine.
    const path = `${files.path}/pipe`;
    const made = await new Deno.Command("mkfifo", { args: [path] }).output();
    assert(made.success);
    // Opened for both, so that the sink's own opening need not wait.
    using both = Deno.openSync(path, { read: true, write: true });
    FileSink.create(path, "--rejects").close();
    assert(Deno.statSync(path).isFifo);
    assert((await both.stat()).isFifo);
  },
});

const REFUSED: [string, string][] = [
  ["no/such/directory", "its directory does not exist"],
  ["", "directory"],
];

for (const [name, reason] of REFUSED) {
  Deno.test(`a sink cannot be made at "${name}"`, () => {
    using files = new TempFiles();
    const path = `${files.path}/${name}`;
    const error = assertThrows(
      () => FileSink.create(path, "--summary"),
      UsageError,
      `Cannot write ${path}: `,
    );
    assertEquals(error.flag, "--summary");
    assert(error.message.includes(reason), error.message);
  });
}

Deno.test({
  name: "a sink that is full says so once and closes its file",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    // On this device there is never any room left.
    const sink = FileSink.create("/dev/full", "--rejects");
    const bytes = new Uint8Array(GATHERED);
    sink.write(bytes);
    assertThrows(
      () => sink.write(bytes),
      StoppedError,
      "Cannot write to /dev/full: no space is left there",
    );
    sink.write(bytes);
    // Who relies on what is written must not be told that it is.
    assertThrows(() => sink.flush(), StoppedError, "no space is left there");
    // A file left open would fail the test.
    sink.close();
    assert(Deno.statSync("/dev/full").isCharDevice);
  },
});

Deno.test({
  name: "a sink that finds itself full in the end closes its file too",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const sink = FileSink.create("/dev/full", "--rejects");
    sink.write(new Uint8Array(1));
    assertThrows(() => sink.close(), StoppedError, "no space is left");
  },
});
