/** A whole number with a comma between thousands, whatever the machine's locale. */
export function formatCount(count: number): string {
  const digits = String(Math.round(Math.abs(count)));
  return `${count <= -0.5 ? "-" : ""}${digits.replace(/\B(?=(\d{3})+$)/g, ",")}`;
}

/** A latency with three figures, in µs, ms or s; "–" where nothing was measured. */
export function formatLatency(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return "–";
  if (ms < 0.9995) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 999.5) return `${threeFigures(ms)} ms`;
  return `${threeFigures(ms / 1_000)} s`;
}

/** A span of time as h:mm:ss, or m:ss below an hour. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const two = (part: number) => String(part).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${formatCount(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** A size in bytes with a decimal unit. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  return `${unit === 0 ? Math.round(size) : threeFigures(size)} ${units[unit]}`;
}

/** A share in [0, 1] as whole per cent; "–" where there is none. */
export function formatPercent(share: number | null): string {
  return share !== null && Number.isFinite(share) ? `${Math.round(share * 100)}%` : "–";
}

/** Event time as UTC day and minute: `2026-01-05 13:07`. */
export function formatMoment(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace("T", " ");
}

function threeFigures(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
