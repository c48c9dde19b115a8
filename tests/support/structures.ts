/**
 * The structures that a table can become, and how to find out that it has.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { driversCsv } from "../../scripts/drivers.ts";
import { plain } from "./plain_reply.ts";
import type { RedisServer } from "./redis_server.ts";

/** What can be asked for keys: a server, or a cluster. */
export type Keyspace = Pick<RedisServer, "command" | "commands">;

/** One row of the drivers table. */
interface Driver {
  id: string;
  name: string;
  city: string;
  lat: string;
  lng: string;
  status: string;
}

/** How many rows the table has. */
export const ROWS = 3000;

/** The table. */
export const csv: string = new TextDecoder().decode(
  joined(driversCsv({ rows: ROWS })),
);
const drivers = csv.trimEnd().split("\n").slice(1).map(parseDriver);

/** Fields of the drivers table hold no line breaks; that is enough here. */
function parseDriver(line: string): Driver {
  const [id, name, city, lat, lng, status] = [
    ...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g),
  ].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare);
  return { id, name, city, lat, lng, status };
}

function joined(chunks: Iterable<Uint8Array>): Uint8Array {
  return Uint8Array.from([...chunks].flatMap((chunk) => [...chunk]));
}

function asked(server: Keyspace, list: string[][]): Promise<unknown[]> {
  return server.commands(list).then((replies) => replies.map(plain));
}

function byCity(): Map<string, Driver[]> {
  return Map.groupBy(drivers, (driver) => driver.city);
}

/** A template and what the server must hold once every row went through it. */
export interface Structure {
  /** What the rows become. */
  name: string;
  /** The flags and the template. */
  words: string[];
  /**
   * Reads it back and compares.
   *
   * @param server Where to ask.
   */
  check(server: Keyspace): Promise<void>;
}

/** Every structure that the README has a recipe for. */
export const STRUCTURES: Structure[] = [
  {
    name: "strings",
    words: ["--", "SET", "driver:{id}", "{name}"],
    check: async (server) => {
      assertEquals(
        await asked(server, drivers.map(({ id }) => ["GET", `driver:${id}`])),
        drivers.map(({ name }) => name),
      );
    },
  },
  {
    name: "strings that expire",
    words: ["--", "SET", "driver:{id}", "{status}", "EX", "3600"],
    check: async (server) => {
      const replies = await asked(
        server,
        drivers.flatMap(({ id }) => [
          ["GET", `driver:${id}`],
          ["TTL", `driver:${id}`],
        ]),
      );
      drivers.forEach(({ status }, i) => {
        assertEquals(replies[2 * i], status);
        const ttl = Number(replies[2 * i + 1]);
        assert(ttl > 0 && ttl <= 3600, `TTL ${ttl}`);
      });
    },
  },
  {
    name: "hashes",
    words: ["--", "HSET", "driver:{id}", "{*}"],
    check: async (server) => {
      assertEquals(
        await asked(
          server,
          drivers.map(({ id }) => ["HGETALL", `driver:${id}`]),
        ),
        drivers.map((driver) => Object.entries(driver).flat()),
      );
    },
  },
  {
    name: "hashes without some columns, and a time to live",
    words: [
      ...["--then", "EXPIRE driver:{id} 3600"],
      ...["--", "HSET", "driver:{id}", "{*-id,lat,lng}"],
    ],
    check: async (server) => {
      assertEquals(
        await asked(
          server,
          drivers.map(({ id }) => ["HGETALL", `driver:${id}`]),
        ),
        drivers.map(({ name, city, status }) =>
          Object.entries({ name, city, status }).flat()
        ),
      );
      assert(plain(await server.command("TTL", "driver:1")) as number > 0);
    },
  },
  {
    name: "lists, in the order of the file",
    words: ["--", "RPUSH", "queue:{status}", "{id}"],
    check: async (server) => {
      for (const [status, group] of Map.groupBy(drivers, (d) => d.status)) {
        assertEquals(
          await asked(server, [["LRANGE", `queue:${status}`, "0", "-1"]]),
          [group.map(({ id }) => id)],
        );
      }
    },
  },
  {
    name: "sets",
    words: ["--", "SADD", "city:{city}", "{id}"],
    check: async (server) => {
      for (const [city, group] of byCity()) {
        const [members] = await asked(server, [["SMEMBERS", `city:${city}`]]);
        assertEquals(
          (members as string[]).sort(),
          group.map(({ id }) => id).sort(),
        );
      }
    },
  },
  {
    name: "sorted sets",
    words: ["--", "ZADD", "north", "{lat}", "{id}"],
    check: async (server) => {
      const scores = await asked(
        server,
        drivers.map(({ id }) => ["ZSCORE", "north", id]),
      );
      assertEquals(scores.map(Number), drivers.map(({ lat }) => Number(lat)));
    },
  },
  {
    name: "streams, in the order of the file",
    words: ["--", "XADD", "events", "*", "{*}"],
    check: async (server) => {
      const [entries] = await asked(server, [["XRANGE", "events", "-", "+"]]);
      assertEquals(
        (entries as [string, string[]][]).map(([, fields]) => fields),
        drivers.map((driver) => Object.entries(driver).flat()),
      );
    },
  },
  {
    name: "positions",
    words: ["--", "GEOADD", "drivers", "{lng}", "{lat}", "{id}"],
    check: async (server) => {
      const [positions] = await asked(server, [
        ["GEOPOS", "drivers", ...drivers.map(({ id }) => id)],
      ]);
      // 52 bits of geohash: off by less than a metre.
      const near = (a: string, b: string): boolean =>
        Math.abs(Number(a) - Number(b)) < 1e-5;
      (positions as [string, string][]).forEach(([lng, lat], i) => {
        const driver = drivers[i];
        assert(near(lng, driver.lng) && near(lat, driver.lat), driver.id);
      });
    },
  },
  {
    name: "HyperLogLogs",
    words: ["--", "PFADD", "seen:{city}", "{id}"],
    check: async (server) => {
      for (const [city, group] of byCity()) {
        const [count] = await asked(server, [["PFCOUNT", `seen:${city}`]]);
        // The standard error of the estimate is 0.81 %.
        const off = Math.abs(Number(count) - group.length) / group.length;
        assert(off < 0.05, `${city}: ${count}, really ${group.length}`);
      }
    },
  },
  {
    name: "bitmaps",
    words: ["--", "SETBIT", "active", "{id}", "1"],
    check: async (server) => {
      const bits = ["0", ...drivers.map(({ id }) => id), String(ROWS + 1)];
      assertEquals(
        await asked(server, bits.map((bit) => ["GETBIT", "active", bit])),
        [0, ...drivers.map(() => 1), 0],
      );
    },
  },
];
