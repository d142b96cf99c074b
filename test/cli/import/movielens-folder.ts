import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { seededRandom } from "../../../src/kernel/random.ts";

/** A rating as a recording has it. */
type Rating = Readonly<{
  user: string;
  item: string;
  ts: number;
  categories: readonly string[];
  value: number;
}>;
type Rater = Readonly<{ user: string; age: number; gender: string; occupation: string }>;

/** The real set, where a machine has it: its terms forbid to ship it. */
const REAL = join(import.meta.dirname, "../../../../shared/data");

const GENRES = [
  ...["unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"],
  ...[
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
  ],
];

/** Whether {@link movieLensFolder} writes real ratings. */
export function hasRealMovieLens(): boolean {
  return existsSync(join(REAL, "ml-100k.events.jsonl.gz"));
}

/**
 * Writes a folder as MovieLens-100k is shipped: with the real ratings where the machine has them, else with made-up ones
 * in which women and men like other genres.
 *
 * @returns Whether the ratings are real.
 */
export async function movieLensFolder(folder: string): Promise<boolean> {
  const isReal = hasRealMovieLens();
  const { ratings, raters } = isReal ? await realRatings() : madeUpRatings();
  await mkdir(folder, { recursive: true });
  const write = (name: string, lines: readonly string[]) =>
    writeFile(join(folder, name), `${lines.join("\n")}\n`, "latin1");
  const number = (id: string) => id.slice(1);
  await write(
    "u.data",
    ratings.map(({ user, item, value, ts }) => [number(user), number(item), value, ts / 1_000].join("\t")),
  );
  const films = new Map(ratings.map(({ item, categories }) => [item, categories]));
  await write(
    "u.item",
    [...films].map(([item, categories]) => {
      const flags = GENRES.map((genre) => (categories.includes(genre) ? 1 : 0));
      return [
        number(item),
        `Film ${number(item)} (1995) \u00e9`,
        "01-Jan-1995",
        "",
        "http://x/",
        ...flags,
      ].join("|");
    }),
  );
  await write(
    "u.genre",
    GENRES.map((genre, i) => `${genre}|${i}`),
  );
  await write(
    "u.user",
    raters.map(({ user, age, gender, occupation }) =>
      [number(user), age, gender, occupation, "00000"].join("|"),
    ),
  );
  return isReal;
}

async function realRatings(): Promise<{ ratings: readonly Rating[]; raters: readonly Rater[] }> {
  const lines = async (name: string) =>
    gunzipSync(await readFile(join(REAL, name)))
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  const users = (await lines("ml-100k.users.jsonl.gz")) as { user: string; labels: Omit<Rater, "user"> }[];
  const raters = users.map(({ user, labels }) => ({ user, ...labels }));
  return { ratings: (await lines("ml-100k.events.jsonl.gz")) as Rating[], raters };
}

function madeUpRatings(): { ratings: readonly Rating[]; raters: readonly Rater[] } {
  const random = seededRandom(7);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const films = Array.from({ length: 300 }, (_, i) => ({ item: `m${i + 1}`, genre: GENRES[1 + (i % 18)]! }));
  const raters: Rater[] = [];
  const ratings: Rating[] = [];
  for (let i = 1; i <= 400; i++) {
    const gender = i % 3 === 0 ? "F" : "M";
    const user = `u${i}`;
    raters.push({
      user,
      gender,
      age: 16 + ((i * 7) % 50),
      occupation: pick(["student", "writer", "artist"]),
    });
    let ts = 875_000_000_000 + Math.floor(random() * 10_000_000) * 1_000;
    for (let j = 0; j < 40; j++) {
      let film = pick(films);
      const liked = gender === "F" ? ["Romance", "Drama", "Musical"] : ["Action", "War", "Sci-Fi"];
      for (let again = 0; again < 4 && !liked.includes(film.genre); again++) film = pick(films);
      ts += 1_000 * (1 + Math.floor(random() * 60));
      ratings.push({
        user,
        item: film.item,
        categories: [film.genre],
        ts,
        value: 1 + Math.floor(random() * 5),
      });
    }
  }
  return { ratings, raters };
}
