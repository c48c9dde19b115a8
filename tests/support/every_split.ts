/** Inputs longer than this, in bytes, are not cut at every single point. */
const EVERY_POINT_MAX = 2000;

/**
 * Runs a check on an input whole, byte by byte, and cut in two at every point.
 *
 * Past 2,000 bytes it is cut at about 2,000 points, evenly spread. The pieces
 * are views of the input: a test that wants to catch a reader which keeps a
 * piece it was only lent copies each one into a buffer that it uses again.
 *
 * @param input What to cut up.
 * @param run The check; called once for each way to cut, the pieces in order.
 * @throws {Error} What `run` throws, with the cut in front of its message.
 */
export function everySplit(
  input: Uint8Array,
  run: (pieces: Uint8Array[]) => void,
): void {
  attempt("whole", [input], run);
  attempt(
    "byte by byte",
    Array.from(input, (_, i) => input.subarray(i, i + 1)),
    run,
  );
  const stride = Math.ceil(input.length / EVERY_POINT_MAX);
  for (let cut = 1; cut < input.length; cut += stride) {
    const pieces = [input.subarray(0, cut), input.subarray(cut)];
    attempt(`cut at byte ${cut}`, pieces, run);
  }
}

function attempt(
  how: string,
  pieces: Uint8Array[],
  run: (pieces: Uint8Array[]) => void,
): void {
  try {
    run(pieces);
  } catch (error) {
    if (error instanceof Error) error.message = `${how}: ${error.message}`;
    throw error;
  }
}
