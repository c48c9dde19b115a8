/** The columns of the drivers table, in order. */
export const DRIVER_COLUMNS = [
  "id",
  "name",
  "city",
  "lat",
  "lng",
  "status",
] as const;

/** What the drivers table is made of. */
export interface DriversOptions {
  /** How many rows follow the header. */
  rows: number;
  /** Same seed, same table. */
  seed?: number;
  /** The `id` of the first row; each row adds one. */
  firstId?: number;
  /** Whether the header line comes first. */
  header?: boolean;
}

const SEED = 20_260_101;

// About as much as a socket or a pipe takes at once, in characters.
const CHUNK = 256 * 1024;

// deno-fmt-ignore
const FIRST_NAMES = [
  "Linh", "José", "Zoë", "Nguyễn", "Amélie", "Björn", "Chiara", "Dmitri",
  "Emeka", "Fatima", "Giorgos", "Hana", "Ivan", "Jun", "Kofi", "Lucía",
  "Mei", "Noor", "Óscar", "Priya", "Quân", "Renée", "Søren", "Thảo",
];

const NICKNAMES = ["Ace", "Turbo", "Night Owl", "Zig-Zag"];

// deno-fmt-ignore
const LAST_NAMES = [
  "Berg", "Tran", "O'Neill", "García", "Müller", "Okafor", "Sato", "Silva",
  "Smith", "Nowak", "Rossi", "Kowalski", "Haddad", "Kim", "Lê", "Andersson",
  "D'Souza", "Novák", "Petrov", "Yılmaz",
];

// As they stand in the file: a comma calls for quotes.
const CITIES: readonly [city: string, lat: number, lng: number][] = [
  ['"Ho Chi Minh, City"', 10.7769, 106.7009],
  ["Hà Nội", 21.0285, 105.8542],
  ['"Washington, D.C."', 38.9072, -77.0369],
  ["São Paulo", -23.5505, -46.6333],
  ["Zürich", 47.3769, 8.5417],
  ["東京", 35.6762, 139.6503],
  ["Reykjavík", 64.1466, -21.9426],
  ["Ushuaia", -54.8019, -68.303],
  ['"Portland, Oregon"', 45.5152, -122.6784],
  ["Nairobi", -1.2921, 36.8219],
  ["Auckland", -36.8509, 174.7645],
  ["Longyearbyen", 78.2232, 15.6267],
  ["Paris", 48.8566, 2.3522],
  ["Mumbai", 19.076, 72.8777],
  ['"Springfield ""the"" One"', 39.7817, -89.6501],
  ["Lagos", 6.5244, 3.3792],
];

const STATUSES = ["online", "offline", "busy"];

/**
 * Makes the drivers table as CSV, a chunk at a time.
 *
 * The table is made up, but not tame: quoted commas, doubled quotes, letters
 * outside ASCII. Positions are valid for `GEOADD`, and near the city they name.
 *
 * @param options Which table
 * @returns The bytes of the file, in chunks of about 256 KiB
 * @throws {RangeError} Where `rows` is not a whole number
 */
export function* driversCsv(options: DriversOptions): Generator<Uint8Array> {
  const { rows, seed = SEED, firstId = 1, header = true } = options;
  if (!Number.isSafeInteger(rows) || rows < 0) {
    throw new RangeError(`Cannot make ${rows} rows: must be 0 or more`);
  }
  const random = randomBelow(seed);
  const encoder = new TextEncoder();
  let text = header ? `${DRIVER_COLUMNS.join(",")}\n` : "";
  for (let row = 0; row < rows; row++) {
    text += driverRow(firstId + row, random);
    if (text.length < CHUNK) continue;
    yield encoder.encode(text);
    text = "";
  }
  if (text !== "") yield encoder.encode(text);
}

function driverRow(id: number, random: (below: number) => number): string {
  const first = FIRST_NAMES[random(FIRST_NAMES.length)];
  const last = LAST_NAMES[random(LAST_NAMES.length)];
  const name = random(20) === 0
    ? `"${first} ""${NICKNAMES[random(NICKNAMES.length)]}"" ${last}"`
    : `${first} ${last}`;
  const [city, lat, lng] = CITIES[random(CITIES.length)];
  // Within 0.2 degrees of the centre, in steps of 0.0001.
  const north = (lat + (random(4001) - 2000) / 10_000).toFixed(4);
  const east = (lng + (random(4001) - 2000) / 10_000).toFixed(4);
  const status = STATUSES[random(STATUSES.length)];
  return `${id},${name},${city},${north},${east},${status}\n`;
}

/** Marsaglia's xorshift32: small, fast, the same on every machine. */
function randomBelow(seed: number): (below: number) => number {
  // The state must not be 0, or it stays 0.
  let state = (seed | 0) || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
