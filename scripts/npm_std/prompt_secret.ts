/**
 * Stands in for `@std/cli/prompt-secret` where the npm registry answers and JSR
 * does not: the same name and signature.
 *
 * @module
 */

const BACKSPACE = 0x08;
const LF = 0x0a;
const CR = 0x0d;
const DELETE = 0x7f;

/** How the prompt looks. */
export interface PromptSecretOptions {
  /** What to show for each byte typed; nothing where it is empty. */
  mask?: string;
  /** Whether the line is cleared afterwards. */
  clear?: boolean;
}

/**
 * Asks for a text without showing it.
 *
 * @param message The question
 * @param options How the prompt looks
 * @returns The text, or `null` where standard input is not a terminal
 */
export function promptSecret(
  message = "Secret",
  options: PromptSecretOptions = {},
): string | null {
  if (!Deno.stdin.isTerminal()) return null;
  const mask = options.mask ?? "*";
  const encoder = new TextEncoder();
  const show = (text: string): void => {
    Deno.stdout.writeSync(encoder.encode(text));
  };
  const typed: number[] = [];
  const byte = new Uint8Array(1);
  show(`${message} `);
  Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
  try {
    while ((Deno.stdin.readSync(byte) ?? 0) > 0) {
      if (byte[0] === CR || byte[0] === LF) break;
      if (byte[0] === BACKSPACE || byte[0] === DELETE) typed.pop();
      else typed.push(byte[0]);
      if (mask !== "") {
        show(`\r\x1b[K${message} ${mask.repeat(typed.length)}`);
      }
    }
    return new TextDecoder().decode(Uint8Array.from(typed));
  } finally {
    show(options.clear === true ? "\r\x1b[K" : "\n");
    Deno.stdin.setRaw(false);
  }
}
