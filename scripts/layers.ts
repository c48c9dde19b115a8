/** A module of this repository, as the layer check sees it. */
export interface LayeredModule {
  /** Its path from the top of the checkout, with `/`. */
  path: string;
  /** What it imports: such paths, or specifiers of other packages. */
  imports: readonly string[];
  /** Its text. */
  text: string;
}

/** What each layer may import besides itself and src/errors.ts. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  cli: ["engine", "transport", "codec", "protocol"],
  engine: ["transport", "codec", "protocol"],
  transport: ["protocol"],
  codec: ["protocol"],
  protocol: [],
};

/**
 * The layers that do not wait and have nothing but the language: that they know
 * no Deno is for `deno check` to say, which sees pure.d.ts in place of its types.
 */
const PURE: readonly string[] = ["protocol", "codec"];

/** On a line of code, as opposed to one of a comment. */
const WAITING = /^(?!\s*(?:\*|\/[/*])).*\b(async|await)\b/;

/**
 * Finds where modules break the order of the layers.
 *
 * cli may import engine, transport, codec and protocol; engine what is below
 * it; transport and codec only protocol. Anyone may import src/errors.ts, which
 * itself imports nothing of ours. Nothing under src/ may import what is not,
 * but for deno.json, which cli takes the version from.
 *
 * @param modules The modules under src/
 * @returns One line per violation, in the order of the modules
 */
export function findViolations(modules: readonly LayeredModule[]): string[] {
  return modules.flatMap((module) => [
    ...module.imports.flatMap((target) => wrongImport(module.path, target)),
    ...impurities(module),
  ]);
}

/** The layer of a path: `codec` of `src/codec/record.ts`. */
function layerOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function wrongImport(path: string, target: string): string[] {
  const from = layerOf(path);
  // Packages, and what is built into the runtime.
  if (/^[a-z]+:/.test(target)) {
    return from !== undefined && PURE.includes(from)
      ? [`${path} imports ${target}: ${from} must be pure`]
      : [];
  }
  // The name and the version, for those who print them.
  if (target === "deno.json" && from === "cli") return [];
  if (!target.startsWith("src/")) {
    return [`${path} imports ${target}, which is outside src/`];
  }
  if (target === "src/errors.ts") return [];
  const to = layerOf(target);
  if (path === "src/errors.ts") {
    return [`${path} imports ${target}, but must import nothing of ours`];
  }
  if (from === undefined || !Object.hasOwn(BELOW, from)) {
    return [`${path} imports ${target}, but is in no layer`];
  }
  if (to === undefined || !Object.hasOwn(BELOW, to)) {
    return [`${path} imports ${target}, which is in no layer`];
  }
  return from === to || BELOW[from].includes(to)
    ? []
    : [`${path} imports ${target}: ${from} must not import ${to}`];
}

function impurities({ path, text }: LayeredModule): string[] {
  const layer = layerOf(path);
  if (layer === undefined || !PURE.includes(layer)) return [];
  return text.split("\n").flatMap((line, at) => {
    const word = WAITING.exec(line)?.[1];
    return word === undefined
      ? []
      : [`${path}:${at + 1} has ${word}: ${layer} must not wait`];
  });
}
