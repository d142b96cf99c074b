import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { EngineError } from "../kernel/engine-error.ts";
import type { Report } from "../kernel/report.ts";
import { watchFiles } from "./watch-files.ts";

/** Files of a server's TLS, as PEM. */
export type TlsFiles = Readonly<{
  /** The server's certificate, and those of the authorities between it and one that clients trust. */
  certFile: string;
  /** Its private key, without a passphrase. */
  keyFile: string;
}>;

/** What the files hold. */
export type TlsPair = Readonly<{ cert: string; key: string }>;

/** A certificate that follows its files. */
export type WatchedTls = Readonly<{
  now(): TlsPair;
  /** Hears of each other one from here on. */
  changed(take: (pair: TlsPair) => void): void;
  close(): void;
}>;

/**
 * The certificate and key in files, which are read again when they change. Files that do not fit each other, as between the
 * two writes of a renewal, leave in force what was.
 *
 * @param nowMs - Wall clock, epoch ms: a certificate that has expired is told, and served.
 * @throws EngineError `TLS_FILES_UNREADABLE`, `BAD_TLS_FILES`.
 */
export async function watchTls(files: TlsFiles, report: Report, nowMs: () => number): Promise<WatchedTls> {
  const { certFile, keyFile } = files;
  let heard: (pair: TlsPair) => void = () => {};
  const watched = await watchFiles([certFile, keyFile], {
    read: () => readTls(files),
    changed(pair) {
      heard(pair);
      const until = new X509Certificate(pair.cert).validTo;
      report(`certificate ${certFile} read again: it counts until ${until}`, { event: "http.tls-read" });
      tellIfExpired(files, pair, { report, nowMs: nowMs() });
    },
    kept: (code) =>
      report(`certificate ${certFile} stays as it was: ${code}`, {
        ...{ event: "http.tls-kept", level: "warn", code },
      }),
  });
  tellIfExpired(files, watched.now(), { report, nowMs: nowMs() });
  return {
    ...watched,
    changed(take) {
      heard = take;
    },
  };
}

/** @throws EngineError `TLS_FILES_UNREADABLE`, `BAD_TLS_FILES`, which never show what is in a file. */
async function readTls({ certFile, keyFile }: TlsFiles): Promise<TlsPair> {
  const [cert, key] = await Promise.all([textOf(certFile), textOf(keyFile)]);
  const certificate = readAs(certFile, "a certificate as PEM", () => new X509Certificate(cert));
  const privateKey = readAs(keyFile, "a private key as PEM, without a passphrase", () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw badFiles(`the key in ${keyFile} is not that of ${certFile}`);
  return { cert, key };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { code = "unknown" } = cause as NodeJS.ErrnoException;
    const message = `can't read ${file}: ${code}`;
    throw new EngineError({ code: "TLS_FILES_UNREADABLE", message, retryable: false, cause });
  }
}

function readAs<Read>(file: string, what: string, read: () => Read): Read {
  try {
    return read();
  } catch {
    throw badFiles(`${file} is not ${what}`); // The library's word may quote the file.
  }
}

/** Files of TLS that a listener can't be started with. */
export function badFiles(message: string): EngineError<"BAD_TLS_FILES"> {
  return new EngineError({ code: "BAD_TLS_FILES", message, retryable: false });
}

function tellIfExpired(
  { certFile }: TlsFiles,
  { cert }: TlsPair,
  { report, nowMs }: Readonly<{ report: Report; nowMs: number }>,
): void {
  const { validTo } = new X509Certificate(cert);
  if (Date.parse(validTo) > nowMs) return;
  report(`certificate ${certFile} has expired at ${validTo}: clients will refuse it`, {
    event: "http.tls-expired",
    level: "warn",
  });
}
