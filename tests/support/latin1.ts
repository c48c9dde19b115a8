/**
 * Turns text into bytes, one for each character.
 *
 * @param text Characters up to U+00FF.
 */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Turns bytes into text, which can be joined and compared: the same back. */
export function latin1Text(bytes: Uint8Array): string {
  const part = 8192;
  let text = "";
  for (let at = 0; at < bytes.length; at += part) {
    text += String.fromCharCode(...bytes.subarray(at, at + part));
  }
  return text;
}
