import { InterruptedError } from "../errors.ts";
import { ExitCode } from "./exit_code.ts";
import { eraseLine } from "./output.ts";

/** Turns SIGINT and SIGTERM into an end in good order. */
export class Interruption {
  readonly #controller = new AbortController();

  /**
   * Begins to listen, until the process ends: what is reported when the work is
   * done must not be cut off. The first signal aborts {@linkcode signal}; a
   * second one ends the process at once.
   */
  constructor() {
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      // Windows knows no SIGTERM.
      if (Deno.build.os === "windows" && name === "SIGTERM") continue;
      Deno.addSignalListener(name, () => this.#hear(name));
    }
  }

  /**
   * What is aborted by the first signal.
   *
   * @returns A signal whose reason is an {@linkcode InterruptedError}.
   */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #hear(name: "SIGINT" | "SIGTERM"): void {
    if (this.signal.aborted) {
      eraseLine();
      Deno.exit(
        name === "SIGINT" ? ExitCode.Interrupted : ExitCode.Terminated,
      );
    }
    this.#controller.abort(new InterruptedError(name));
  }
}
