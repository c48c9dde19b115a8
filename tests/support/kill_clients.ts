import type { Summary } from "../../mod.ts";
import type { Random } from "./random.ts";
import type { RedisServer } from "./redis_server.ts";
import { sleep } from "./sleep.ts";

/** How long a load is let get on at the most before it is harmed again, in ms. */
const LONGEST = 1_000;

/** Kills every connection of a server but the test's own. */
export async function killClients(server: RedisServer): Promise<void> {
  await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
}

/**
 * Kills the connections of a load again and again: at any moment, the login
 * included, but every other time only when it has got on, as it never would on
 * a machine that takes longer to log in than it is given.
 *
 * @param isOver Whether the load has ended.
 */
export async function killAgain(
  server: RedisServer,
  summary: Summary,
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const settled = summary.loaded + summary.rejected;
    await sleep(random.int(120));
    const isPatient = random.int(2) === 0;
    const end = performance.now() + LONGEST;
    while (
      isPatient && !isOver() && performance.now() < end &&
      summary.loaded + summary.rejected === settled
    ) await sleep(2);
    await killClients(server);
  }
}
