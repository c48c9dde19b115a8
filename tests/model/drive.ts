import type { Random } from "../support/random.ts";
import type { SimLane } from "./sim_lane.ts";

/** Promises that are settled, one after the other, at the most. */
const TICKS = 40;

/** Steps after which a schedule must hang. */
const MOST_STEPS = 50_000;

/** What a random schedule is made of. */
interface Schedule {
  /** The run; it is fulfilled however that ends. */
  readonly running: Promise<unknown>;
  /** The lanes that there are now. */
  readonly lanes: () => readonly SimLane[];
  /** Whose reads end when the schedule says so. */
  readonly producer: { readonly isAwaited: boolean; feed(): void };
  /**
   * Does something unusual in place of a step, where it is time for that.
   *
   * @param canMove Whether anything can happen in a lane.
   * @param isSettled Whether whoever was woken has gone to sleep again.
   * @returns Whether it did; `over` where the process was killed.
   */
  disturb(canMove: boolean, isSettled: boolean): boolean | "over";
}

/**
 * Has everything outside a run happen in a random order, until it has ended.
 *
 * @throws {Error} When it hangs.
 */
export async function drive(
  random: Random,
  { running, lanes, producer, disturb }: Schedule,
): Promise<void> {
  let isOver = false;
  running.then(() => isOver = true);
  await settle();
  let isSettled = true;
  for (let step = 0; !isOver; step++) {
    const can = lanes().flatMap((lane) =>
      lane.possible.map((what) => ({ lane, what }))
    ).filter(({ what }) => what !== "lose");
    if (!isSettled && can.length === 0) {
      await settle();
      isSettled = true;
      continue;
    }
    if (step > MOST_STEPS || (can.length === 0 && !producer.isAwaited)) {
      throw new Error(`it hangs at step ${step}`);
    }
    const outcome = disturb(can.length > 0, isSettled);
    if (outcome === "over") return;
    if (outcome) {
      // That was the step.
    } else if (producer.isAwaited && random.int(can.length + 1) === 0) {
      producer.feed();
    } else if (can.length > 0) {
      const { lane, what } = random.pick(can);
      if (what === "write") lane.write(1 + random.int(300));
      else if (what === "execute") lane.execute(1 + random.int(8));
      else if (what === "reply") lane.reply(1 + random.int(8));
    }
    // Much may happen in one turn of the event loop, in any order.
    isSettled = random.int(4) > 0;
    await settle(isSettled ? TICKS : random.int(20));
  }
}

async function settle(ticks = TICKS): Promise<void> {
  for (let i = 0; i < ticks; i++) await undefined;
}
