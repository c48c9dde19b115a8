import type { Random } from "../support/random.ts";

/** A template, and what the model has to know of it. */
export interface SimTemplate {
  /** For each command its words. */
  readonly commands: readonly (readonly string[])[];
  /** Whether rows may be applied again, in order, without another outcome. */
  readonly isRepeatable: boolean;
}

const TEMPLATES: readonly SimTemplate[] = [
  { commands: [["SET", "{k}", "{v}"]], isRepeatable: true },
  { commands: [["ZADD", "{k}", "{v}", "m{f}"]], isRepeatable: true },
  { commands: [["HSET", "{k}", "f{f}", "{v}"]], isRepeatable: true },
  { commands: [["RPUSH", "{k}", "{v}"]], isRepeatable: false },
  {
    commands: [["RPUSH", "{k}", "{v}"], ["HSET", "last:{k}", "v", "{v}"]],
    isRepeatable: false,
  },
];

/** One random load: everything but the order in which things happen. */
export interface Scenario {
  /** Which of the templates. */
  template: number;
  /** Whether rows may share commands. */
  coalesce: boolean;
  /** How many rows there are. */
  rows: number;
  /** How many keys they are about. */
  keys: number;
  /** How many rows in a row are about one key, about. */
  run: number;
  /** One of so many rows is malformed; 0 is none. */
  malformed: number;
  /** One of so many rows has a value that may be refused; 0 is none. */
  badValue: number;
  /** So many of the keys are of a wrong type, or forbidden. */
  wrongType: number;
  forbidden: number;
  /** What MSET is answered. */
  mset: string | undefined;
  /** After so many commands the server is full. */
  fullAfter: number;
  /** How many lanes. */
  lanes: number;
  /** Bytes that may be in flight. */
  window: number;
  /** The most rows that a read gives. */
  perRead: number;
  /** The source breaks off. */
  breaks: boolean;
  /** One of so many steps loses a lane, or interrupts; 0 is none. */
  loses: number;
  interrupts: number;
  /** One of so many steps moves a key to another lane; 0 is none. */
  moves: number;
  /** One of so many steps has the server refuse all, or end that; 0 is none. */
  troubles: number;
  /** Whether lanes are made again. */
  mends: boolean;
  /** One of so many times that cannot be done; 0 is none. */
  fails: number;
  /** `--at-least-once`. */
  atLeastOnce: boolean;
  /** `--max-errors`. */
  maxErrors: string | undefined;
  /** So many rejects can be kept. */
  room: number;
  /** `--exactly-once`: one lane, and transactions. */
  exactlyOnce: boolean;
  /** One of so many steps kills the whole process; 0 is none. */
  kills: number;
  /** One of so many steps begins another load with the same key; 0 is none. */
  rivals: number;
  /** One of so many steps has a replica take over that lags; 0 is none. */
  failovers: number;
}

/** Draws a scenario. */
export function drawScenario(random: Random): Scenario {
  const one = (of: number): boolean => random.int(of) === 0;
  const exactlyOnce = one(4);
  return {
    exactlyOnce,
    kills: exactlyOnce && one(2) ? 20 + random.int(200) : 0,
    rivals: exactlyOnce && one(4) ? 20 + random.int(100) : 0,
    failovers: exactlyOnce && one(3) ? 20 + random.int(200) : 0,
    template: random.int(TEMPLATES.length),
    coalesce: !one(4),
    rows: 1 + random.int(one(3) ? 200 : 30),
    keys: 1 + random.int(6),
    run: 1 + random.int(8),
    malformed: one(3) ? 2 + random.int(20) : 0,
    badValue: one(2) ? 2 + random.int(20) : 0,
    wrongType: one(2) ? 1 : 0,
    forbidden: one(3) ? 1 : 0,
    mset: one(4)
      ? random.pick([
        "CROSSSLOT Keys in request don't hash to the same slot",
        "ERR unknown command 'MSET', with args beginning with:",
        "NOPERM User u has no permissions to run the 'mset' command",
      ])
      : undefined,
    fullAfter: one(8) ? random.int(60) : Infinity,
    lanes: exactlyOnce || one(2) ? 1 : 1 + random.int(4),
    window: 1 + random.int(one(2) ? 200 : 4000),
    perRead: 1 + random.int(one(2) ? 4 : 40),
    breaks: one(8),
    loses: one(4) ? 20 + random.int(200) : 0,
    interrupts: one(4) ? 20 + random.int(200) : 0,
    moves: !exactlyOnce && !one(3) ? 5 + random.int(60) : 0,
    troubles: one(4) ? 10 + random.int(60) : 0,
    mends: one(2),
    fails: one(4) ? 1 + random.int(4) : 0,
    atLeastOnce: !exactlyOnce && one(3),
    room: one(4) ? random.int(10) : Infinity,
    maxErrors: one(4) ? random.pick(["0", "1", "5", "10%"]) : undefined,
  };
}

/** Simpler versions of a scenario, the simplest first. */
export function* simplify(scenario: Scenario): Generator<Scenario> {
  const { rows } = scenario;
  for (const fewer of [rows >> 3, rows >> 1, rows - 5, rows - 1]) {
    if (fewer > 0 && fewer < rows) yield { ...scenario, rows: fewer };
  }
  const plain: Partial<Scenario> = {
    malformed: 0,
    badValue: 0,
    wrongType: 0,
    forbidden: 0,
    mset: undefined,
    fullAfter: Infinity,
    lanes: 1,
    breaks: false,
    loses: 0,
    interrupts: 0,
    moves: 0,
    troubles: 0,
    mends: false,
    fails: 0,
    atLeastOnce: false,
    kills: 0,
    rivals: 0,
    failovers: 0,
    maxErrors: undefined,
    room: Infinity,
    keys: 1,
    run: 1,
    perRead: 1,
    coalesce: false,
  };
  for (const [name, value] of Object.entries(plain)) {
    if (scenario[name as keyof Scenario] !== value) {
      yield { ...scenario, [name]: value };
    }
  }
}

/** A row of the input. */
export interface SimRow {
  /** Its bytes as text, with the line break. */
  readonly text: string;
  /** Its commands; none where it is malformed. */
  readonly commands: readonly (readonly string[])[] | undefined;
  /** What marks it on the server. */
  readonly value: string;
}

/** Draws the rows of a scenario. */
export function drawRows(scenario: Scenario, random: Random): SimRow[] {
  const { commands } = templateOf(scenario);
  const one = (of: number): boolean => of > 0 && random.int(of) === 0;
  let key = 0;
  return Array.from({ length: scenario.rows }, (_, i) => {
    if (i === 0 || one(scenario.run)) key = random.int(scenario.keys);
    const value = one(scenario.badValue) ? `x${i}` : String(i);
    const fields = { k: `key${key}`, v: value, f: String(random.int(3)) };
    if (one(scenario.malformed)) {
      return { text: `key${key},${value}\n`, commands: undefined, value };
    }
    return {
      text: `${fields.k},${fields.v},${fields.f}\n`,
      commands: commands.map((words) =>
        words.map((word) =>
          word.replace(/\{(\w)\}/g, (_, name: "k" | "v" | "f") => fields[name])
        )
      ),
      value,
    };
  });
}

/** The template of a scenario. */
export function templateOf({ template }: Scenario): SimTemplate {
  return TEMPLATES[template];
}
