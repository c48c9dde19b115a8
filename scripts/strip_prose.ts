// A slash after one of these begins a regular expression, elsewhere it divides.
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};<>+*%~^-]|\b(?:return|typeof|case))$/;

// Comments, strings and regular expressions, each as a whole.
const LINE_COMMENT = /\/\/[^\n]*/y;
const BLOCK_COMMENT = /\/\*[^]*?\*\//y;
const STRING = /"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/y;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:\\[^]|\$(?!\{)|[^`\\$])*/y;

/**
 * Takes comments, strings and regular expressions out of a TypeScript text.
 *
 * What is left is code, on the lines where it was; the expressions inside a
 * template literal are code too. Good enough to look for words in, not to parse.
 *
 * @param text The text
 * @returns The text without prose, with as many lines
 */
export function stripProse(text: string): string {
  let code = "";
  let at = 0;
  // Braces open inside each `${`, so that its own `}` is known.
  const depths: number[] = [];

  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return false;
    at += match[0].length;
    code += " " + match[0].replace(/[^\n]/g, "");
    return true;
  };
  /** The text of a template up to its end or to the next `${`. */
  const takeTemplateText = (): void => {
    take(TEMPLATE_TEXT);
    if (text.startsWith("${", at)) {
      depths.push(0);
      at += 2;
    } else at += 1;
  };

  while (at < text.length) {
    const char = text[at];
    if (char === "/" && (take(LINE_COMMENT) || take(BLOCK_COMMENT))) continue;
    if ((char === '"' || char === "'") && take(STRING)) continue;
    if (
      char === "/" && BEFORE_REGEXP.test(code.trimEnd().slice(-12)) &&
      take(REGEXP)
    ) continue;
    if (char === "`") {
      at += 1;
      takeTemplateText();
      continue;
    }
    if (depths.length > 0) {
      const last = depths.length - 1;
      if (char === "}" && depths[last] === 0) {
        depths.pop();
        at += 1;
        takeTemplateText();
        continue;
      }
      if (char === "{") depths[last] += 1;
      if (char === "}") depths[last] -= 1;
    }
    code += char;
    at += 1;
  }
  return code;
}
