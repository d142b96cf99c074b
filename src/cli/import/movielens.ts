import { basename } from "node:path";
import { filesNamed, type ImportSource, type SourceFile } from "./import-source.ts";
import type { DataSet, Imported, ImportedEvent, Labels } from "./imported.ts";
import { badRow, type RowFormat, rowsOf } from "./rows.ts";

/** MovieLens: ratings of films; categories are genres, `value` is the rating. All layouts of GroupLens. */
export const MOVIELENS: DataSet = {
  name: "movielens",
  title: "MovieLens's ratings of films, with genres; the two smaller sets tell gender, age and occupation",
  path: "folder or zip of MovieLens: 100k, 1M, 10M, 20M, 25M, 32M or latest",
  from: "https://grouplens.org/datasets/movielens/",
  maps: ["gender", "ageGroup", "occupation"],
  read: readMovieLens,
};

/** One of GroupLens's ways to write a MovieLens set. Users are only in the two smaller ones. */
type Layout = Readonly<{
  id: string;
  ratings: RegExp;
  format: RowFormat;
  items: Readonly<{
    file: RegExp;
    format: RowFormat;
    genresOf: (cells: readonly string[]) => readonly string[];
  }>;
  users?: Readonly<{ file: RegExp; format: RowFormat; labelsOf: (cells: readonly string[]) => Labels }>;
}>;

/** Genres of u.item's last 19 columns, as u.genre names them. */
const GENRES_100K = [
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
/** Column of u.item that the first genre is in: id, title, two dates and an address come before. */
const FIRST_GENRE = 5;

/** Occupations of users.dat, by their codes: README of ml-1m. */
const OCCUPATIONS_1M = [
  ...[
    "other",
    "educator",
    "artist",
    "clerical",
    "student",
    "customer service",
    "doctor",
    "executive",
    "farmer",
  ],
  ...["homemaker", "K-12 student", "lawyer", "programmer", "retired", "sales", "scientist", "self-employed"],
  ...["technician", "tradesman", "unemployed", "writer"],
];
/** Upper ends of the age groups of ml-1m, which codes each by its lower end; younger than 18 is coded 1. */
const AGE_GROUPS = [
  [17, "under-18"],
  [24, "18-24"],
  [34, "25-34"],
  [44, "35-44"],
  [49, "45-49"],
  [55, "50-55"],
] as const;

const LAYOUTS: readonly Layout[] = [
  {
    id: "ml-100k",
    ratings: /^u\.data$/,
    format: { delimiter: "\t", columnsMin: 4 },
    items: {
      file: /^u\.item$/,
      format: { delimiter: "|", columnsMin: FIRST_GENRE + GENRES_100K.length },
      genresOf: (cells) => GENRES_100K.filter((_, i) => cells[FIRST_GENRE + i] === "1"),
    },
    users: {
      file: /^u\.user$/,
      format: { delimiter: "|", columnsMin: 4 },
      labelsOf: ([, age, gender = "", occupation = ""]) => ({
        gender,
        ...ageLabels(Number(age)),
        occupation,
      }),
    },
  },
  {
    id: "ml-1m",
    ratings: /^ratings\.dat$/,
    format: { delimiter: "::", columnsMin: 4 },
    items: datItems(),
    users: {
      file: /^users\.dat$/,
      format: { delimiter: "::", columnsMin: 4 },
      labelsOf: ([, gender = "", age, occupation]) => ({
        gender,
        ageGroup: ageGroupOf(Number(age)),
        occupation: OCCUPATIONS_1M[Number(occupation)] ?? "other",
      }),
    },
  },
  {
    id: "ml",
    ratings: /^ratings\.csv$/,
    format: { delimiter: ",", header: ["userId", "movieId", "rating", "timestamp"] },
    items: {
      file: /^movies\.csv$/,
      format: { delimiter: ",", header: ["movieId", "genres"] },
      genresOf: (cells) => genresIn(cells[1]),
    },
  },
];

async function* readMovieLens(source: ImportSource): AsyncGenerator<Imported, void, undefined> {
  const has = (pattern: RegExp) => source.files.some(({ name }) => pattern.test(basename(name)));
  const layout = LAYOUTS.find(({ ratings }) => has(ratings)) ?? LAYOUTS[0]!;
  const id = layout.id === "ml-1m" && !has(/^users\.dat$/) ? "ml-10m" : layout.id; // Written alike, without users.
  const [ratings] = filesNamed(source, layout.ratings, "u.data, ratings.dat or ratings.csv of MovieLens");
  const [items] = filesNamed(source, layout.items.file, "file of films beside its ratings");
  const genres = new Map<string, readonly string[]>();
  for await (const row of rowsOf(items!, layout.items.format)) {
    if (row.kind === "bad") yield row;
    else genres.set(row.cells[0] ?? "", layout.items.genresOf(row.cells));
  }
  const { users } = layout;
  if (users !== undefined && has(users.file)) {
    const [file] = filesNamed(source, users.file, "users");
    for await (const row of rowsOf(file!, users.format)) {
      if (row.kind === "bad") yield row;
      else yield { kind: "labels", user: `u${row.cells[0]}`, labels: users.labelsOf(row.cells) };
    }
  }
  yield* ratingsOf(ratings!, layout.format, id, genres);
}

async function* ratingsOf(
  file: SourceFile,
  format: RowFormat,
  id: string,
  genres: ReadonlyMap<string, readonly string[]>,
): AsyncGenerator<Imported, void, undefined> {
  for await (const row of rowsOf(file, format)) {
    if (row.kind === "bad") {
      yield row;
      continue;
    }
    const { line, cells } = row;
    const [user, item = "", rating, seconds] = cells;
    const event: ImportedEvent = {
      id: `${id}-${line}`,
      user: `u${user}`,
      ts: Number(seconds) * 1_000,
      type: "rate",
      item: `m${item}`,
      categories: genres.get(item) ?? [],
      value: Number(rating),
    };
    if (Number.isFinite(event.ts) && Number.isFinite(event.value))
      yield { kind: "event", file: file.name, line, event };
    else yield badRow(file, line, "NOT_A_NUMBER", "rating or time is no number");
  }
}

function datItems(): Layout["items"] {
  return {
    file: /^movies\.dat$/,
    format: { delimiter: "::", columnsMin: 3 },
    genresOf: (cells) => genresIn(cells[2]),
  };
}

function genresIn(text = ""): readonly string[] {
  return text === "" || text === "(no genres listed)" ? [] : text.split("|");
}

function ageLabels(age: number): Labels {
  return Number.isFinite(age) ? { age, ageGroup: ageGroupOf(age) } : {};
}

function ageGroupOf(age: number): string {
  return AGE_GROUPS.find(([upTo]) => age <= upTo)?.[1] ?? "56-and-older";
}
