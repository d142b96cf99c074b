import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** A source file: its path from the repository's root, with `/`, and its text. */
export type SourceFile = Readonly<{ path: string; source: string }>;

/** A module that a file imports, by any form: `import`, `export … from`, `import()`, in types too. */
export type ModuleImport = Readonly<{ specifier: string; clause: string; line: number; reExports: boolean }>;

const ROOT = join(import.meta.dirname, "..");

/** All TypeScript files below folders of the repository. */
export function readSources(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
      .map((entry) => {
        const file = join(entry.parentPath, entry.name);
        return { path: relative(ROOT, file).replaceAll("\\", "/"), source: readFileSync(file, "utf8") };
      }),
  );
}

/**
 * The source with comments, strings and regular expressions blanked out, position for position: what is left is
 * code. The code inside a template's `${}` stays.
 */
export function codeOf(source: string): string {
  return new Blanker(source).run();
}

/** The modules that a source names. */
export function importsOf(source: string): ModuleImport[] {
  const code = codeOf(source);
  const found: ModuleImport[] = [];
  // The quotes survive the blanking: the pattern finds the place, the source says what stands there.
  const forms = [
    /(?<![.\w$])(import|export)\b([^;"'`()=]*?\bfrom\s*|\s*)(["'])( *)\3/g,
    /(?<![.\w$])(import|require)(\s*\(\s*)(["'`])( *)\3/g,
  ];
  for (const form of forms) {
    for (const match of code.matchAll(form)) {
      const [whole, keyword = "", clause = "", , blank = ""] = match;
      const end = match.index + whole.length - 1;
      const specifier = source.slice(end - blank.length, end);
      const line = lineAt(source, match.index);
      found.push({ specifier, clause: clause.trim(), line, reExports: keyword === "export" });
    }
  }
  return found;
}

/** Line of a place in a text, from 1. */
export function lineAt(source: string, index: number): number {
  return source.slice(0, index).split("\n").length;
}

/** Keywords after which a slash begins a regular expression and not a division. */
const BEFORE_PATTERN = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)$/;

class Blanker {
  readonly #source: string;
  #code = "";
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): string {
    this.#copyCode(false);
    return this.#code;
  }

  /** Copies code to the end or, inside a template, to the brace that closes it. */
  #copyCode(inTemplate: boolean): void {
    let depth = 0;
    while (this.#at < this.#source.length) {
      const here = this.#source.charAt(this.#at);
      const two = this.#source.slice(this.#at, this.#at + 2);
      if (two === "//") this.#blankUntil(this.#find("\n"));
      else if (two === "/*") this.#blankUntil(this.#find("*/", 2) + 2);
      else if (here === '"' || here === "'") this.#quoted(here);
      else if (here === "`") this.#template();
      else if (here === "/" && this.#patternMayBegin()) this.#pattern();
      else {
        if (here === "{") depth++;
        if (here === "}" && depth-- === 0 && inTemplate) return;
        this.#copy();
      }
    }
  }

  #quoted(quote: string): void {
    this.#copy();
    while (this.#at < this.#source.length && !`${quote}\n`.includes(this.#source.charAt(this.#at))) {
      this.#blankUntil(this.#at + (this.#source.charAt(this.#at) === "\\" ? 2 : 1));
    }
    this.#copy();
  }

  #template(): void {
    this.#copy();
    while (this.#at < this.#source.length && this.#source.charAt(this.#at) !== "`") {
      if (this.#source.startsWith("${", this.#at)) {
        this.#copy();
        this.#copy();
        this.#copyCode(true);
        this.#copy();
      } else this.#blankUntil(this.#at + (this.#source.charAt(this.#at) === "\\" ? 2 : 1));
    }
    this.#copy();
  }

  #pattern(): void {
    let inClass = false;
    this.#copy();
    while (this.#at < this.#source.length && (inClass || this.#source.charAt(this.#at) !== "/")) {
      const here = this.#source.charAt(this.#at);
      if (here === "[") inClass = true;
      if (here === "]") inClass = false;
      this.#blankUntil(this.#at + (here === "\\" ? 2 : 1));
    }
    this.#copy();
  }

  /** A slash divides after a value, and begins a regular expression anywhere else. */
  #patternMayBegin(): boolean {
    const before = this.#code.trimEnd();
    return /[([{}=,;:!&|?+\-*%~^<>]$/.test(before) || before === "" || BEFORE_PATTERN.test(before.slice(-12));
  }

  #find(text: string, from = 0): number {
    const found = this.#source.indexOf(text, this.#at + from);
    return found < 0 ? this.#source.length : found;
  }

  #copy(): void {
    this.#code += this.#source.charAt(this.#at++);
  }

  #blankUntil(end: number): void {
    const stop = Math.min(end, this.#source.length);
    this.#code += this.#source.slice(this.#at, stop).replace(/[^\n]/g, " ");
    this.#at = stop;
  }
}
