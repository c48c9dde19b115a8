import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { parse } from "@std/csv";
import { DRIVER_COLUMNS, driversCsv } from "../../scripts/drivers.ts";

function text(options: Parameters<typeof driversCsv>[0]): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return [...driversCsv(options)].map((it) => decoder.decode(it)).join("");
}

Deno.test("driversCsv: rows are valid, and not tame", () => {
  const [header, ...rows] = parse(text({ rows: 5000 }), { fieldsPerRecord: 6 });
  assertEquals(header, [...DRIVER_COLUMNS]);
  assertEquals(rows.length, 5000);
  for (const [at, [id, name, city, lat, lng, status]] of rows.entries()) {
    assertEquals(id, `${at + 1}`);
    assert(name !== "" && city !== "");
    assert(Math.abs(Number(lat)) <= 85, `latitude ${lat}`);
    assert(Math.abs(Number(lng)) <= 180, `longitude ${lng}`);
    assert(["online", "offline", "busy"].includes(status), status);
  }
  const cities = new Set(rows.map((row) => row[2]));
  assert(cities.has("Ho Chi Minh, City"));
  assert(rows.some((row) => row[1].includes('"')));
  // deno-lint-ignore no-control-regex
  assert(rows.some((row) => /[^\x00-\x7f]/.test(row[1])));
});

Deno.test("driversCsv: same seed, same table", () => {
  assertEquals(text({ rows: 50, seed: 7 }), text({ rows: 50, seed: 7 }));
  assertNotEquals(text({ rows: 50, seed: 7 }), text({ rows: 50, seed: 8 }));
  // A state of 0 would make every row the same.
  const zero = parse(text({ rows: 50, seed: 0, header: false }));
  assert(new Set(zero.map((row) => row[2])).size > 1);
});

Deno.test("driversCsv: no rows is a header, or nothing", () => {
  assertEquals(text({ rows: 0 }), "id,name,city,lat,lng,status\n");
  assertEquals(text({ rows: 0, header: false }), "");
  assertEquals(text({ rows: 1, firstId: 9, header: false }).slice(0, 2), "9,");
});

Deno.test("driversCsv: refuses a number of rows that is none", () => {
  assertThrows(() => text({ rows: -1 }), RangeError, "Cannot make -1 rows");
  assertThrows(() => text({ rows: 1.5 }), RangeError, "Cannot make 1.5 rows");
});
