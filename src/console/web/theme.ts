import { computed, effect, signal } from "@preact/signals";

/** What somebody chose; `system` follows the machine. */
export type Theme = "system" | "light" | "dark";

const STORED = "resonance-theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

const systemIsDark = signal(false);
const chosen = signal<Theme>("system");

export const theme = computed(() => chosen.value);
/** Whether the page is dark now: what is drawn rather than styled asks this. */
export const isDark = computed(() =>
  chosen.value === "system" ? systemIsDark.value : chosen.value === "dark",
);

/** Takes the theme up that was chosen before, and follows the machine's. */
export function followTheme(): void {
  const stored = localStorage.getItem(STORED);
  chosen.value = THEMES.find((one) => one === stored) ?? "system";
  const query = matchMedia("(prefers-color-scheme: dark)");
  systemIsDark.value = query.matches;
  query.addEventListener("change", () => {
    systemIsDark.value = query.matches;
  });
  effect(() => {
    document.documentElement.dataset["theme"] = isDark.value ? "dark" : "light";
  });
}

export function chooseTheme(next: Theme): void {
  chosen.value = next;
  localStorage.setItem(STORED, next);
}
