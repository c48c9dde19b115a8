import { assert, assertEquals } from "@std/assert";
import { Flight } from "../../src/engine/flight.ts";
import type { BatchOrigin } from "../../src/engine/batch.ts";
import { ErrorLimit } from "../../src/engine/error_limit.ts";
import type { Router } from "../../src/engine/router.ts";
import { Rows } from "../../src/engine/rows.ts";
import { Stream } from "../../src/engine/stream.ts";
import { Summary } from "../../src/engine/summary.ts";
import { Wait } from "../../src/engine/wait.ts";
import { ConnectionError } from "../../src/errors.ts";
import { byteSource } from "../support/byte_source.ts";
import { SimLane } from "../model/sim_lane.ts";
import { SimServer } from "../model/sim_server.ts";
import { SimSession } from "../model/sim_session.ts";

Deno.test("a lane that is lost before the stream begins is mended", async () => {
  const summary = new Summary();
  const wait = new Wait();
  const rows = new Rows({
    sources: [byteSource("rows", "id\n")],
    commands: [["SET", "{id}", "v"]],
  }, summary);
  const stream = new Stream({
    rows,
    summary,
    wait,
    limit: ErrorLimit.parse(undefined),
    patience: 1_000,
    pause: () => Promise.resolve(),
  });
  const { events } = stream;
  events.onLost(
    new Flight<BatchOrigin>(events),
    new ConnectionError("Lost it", "sim"),
  );
  const refusals = {
    wrongType: new Set<string>(),
    forbidden: new Set<string>(),
    mset: undefined,
    fullAfter: Infinity,
  };
  const server = new SimServer(refusals);
  const lanes: SimLane[] = [];
  const router: Router = {
    lanes,
    isCluster: false,
    ship: () => {},
    mend: () => {
      lanes.push(new SimLane(events, new SimSession(server), wait, 1, 0));
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  };
  const running = stream.run(router);
  while (!lanes[0]?.isFinished) {
    await new Promise((wake) => setTimeout(wake));
    lanes[0]?.write(1);
    lanes[0]?.reply(1);
  }
  await running;
  assertEquals([lanes.length, summary.rewinds], [1, 1]);
  assert(wait.error === undefined);
});
