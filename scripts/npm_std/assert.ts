/**
 * Stands in for `@std/assert` where the npm registry answers and JSR does
 * not: the same names and signatures, built on `node:assert`.
 *
 * Only what this repository uses. `tests/scripts/std_parity_test.ts` states
 * the behaviour that both must have.
 *
 * @module
 */
import nodeAssert from "node:assert";
import { inspect } from "node:util";

/** What every failed assertion throws. */
export class AssertionError extends Error {
  /** @param message What was expected, and what was there */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** A class, abstract or not, with whatever constructor it has. */
// deno-lint-ignore no-explicit-any
type AnyClass<T = any> = abstract new (...args: any[]) => T;

function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: 80, maxStringLength: 2000 });
}

function failure(what: string, msg?: string): AssertionError {
  return new AssertionError(msg === undefined ? what : `${what}: ${msg}`);
}

// node:assert writes the better report of a difference, but loses it when it
// is given a message of ours: so it never is, and the message is put in front.
function rethrown(thrown: unknown, msg?: string): AssertionError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new AssertionError(msg === undefined ? text : `${msg}\n${text}`);
}

/** Fails with `msg`. */
export function fail(msg?: string): never {
  throw failure("Failed assertion", msg);
}

/** Passes when `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Passes when both are equal, however deep. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  try {
    nodeAssert.deepStrictEqual(actual, expected);
  } catch (thrown) {
    throw rethrown(thrown, msg);
  }
}

/** Passes when the two differ somewhere. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  try {
    nodeAssert.notDeepStrictEqual(actual, expected);
  } catch (thrown) {
    throw rethrown(thrown, msg);
  }
}

/** Passes when both are the very same value (`Object.is`). */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  try {
    nodeAssert.strictEqual(actual, expected);
  } catch (thrown) {
    throw rethrown(thrown, msg);
  }
}

/** Passes when `actual` is neither `null` nor `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    throw failure(`Expected a value, got ${actual}`, msg);
  }
}

/** Passes when `actual` is an instance of `expectedType`. */
export function assertInstanceOf<T extends AnyClass>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  throw failure(
    `Expected an instance of ${expectedType.name}, got ${show(actual)}`,
    msg === "" ? undefined : msg,
  );
}

/** Passes when `expected` occurs in `actual`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw failure(`Expected ${show(actual)} to include ${show(expected)}`, msg);
}

/** Passes when `expected` matches somewhere in `actual`. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  throw failure(`Expected ${show(actual)} to match ${expected}`, msg);
}

/** Passes when `expected` matches nowhere in `actual`. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (!expected.test(actual)) return;
  throw failure(`Expected ${show(actual)} not to match ${expected}`, msg);
}

/** Passes when `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (actual > expected) return;
  throw failure(`Expected ${show(actual)} > ${show(expected)}`, msg);
}

/** Passes when `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual >= expected) return;
  throw failure(`Expected ${show(actual)} >= ${show(expected)}`, msg);
}

/** Passes when `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  throw failure(`Expected ${show(actual)} < ${show(expected)}`, msg);
}

/** Passes when `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  if (actual <= expected) return;
  throw failure(`Expected ${show(actual)} <= ${show(expected)}`, msg);
}

function checkThrown(
  thrown: unknown,
  errorClass: AnyClass | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): void {
  if (errorClass === undefined) return;
  if (!(thrown instanceof Error)) {
    throw failure(`Expected an Error, got ${show(thrown)} thrown`, msg);
  }
  if (!(thrown instanceof errorClass)) {
    throw failure(
      `Expected error to be ${errorClass.name}, got ` +
        `${thrown.constructor.name}: ${thrown.message}`,
      msg,
    );
  }
  if (msgIncludes !== undefined && !thrown.message.includes(msgIncludes)) {
    throw failure(
      `Expected error message to include ${show(msgIncludes)}, got ` +
        show(thrown.message),
      msg,
    );
  }
}

/** Passes when `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Passes when `fn` throws an `errorClass` whose message says `msgIncludes`. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: AnyClass | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const errorClass = typeof classOrMsg === "string" ? undefined : classOrMsg;
  const text = typeof classOrMsg === "string" ? classOrMsg : msg;
  try {
    fn();
  } catch (thrown) {
    checkThrown(thrown, errorClass, msgIncludes, text);
    return thrown;
  }
  throw failure("Expected function to throw", text);
}

/** Passes when the promise of `fn` rejects; gives what it rejected with. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Passes when it rejects with an `errorClass` that says `msgIncludes`. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: AnyClass | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const errorClass = typeof classOrMsg === "string" ? undefined : classOrMsg;
  const text = typeof classOrMsg === "string" ? classOrMsg : msg;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    throw failure("Expected function to reject, it threw instead", text);
  }
  try {
    await promise;
  } catch (thrown) {
    checkThrown(thrown, errorClass, msgIncludes, text);
    return thrown;
  }
  throw failure("Expected function to reject", text);
}
