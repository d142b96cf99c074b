import { chooseTheme, type Theme, theme } from "../theme.ts";

const NAMES: readonly (readonly [Theme, string])[] = [
  ["system", "Auto"],
  ["light", "Light"],
  ["dark", "Dark"],
];

/** Light, dark, or as the machine is. */
export function ThemeSwitch() {
  return (
    <label class="field-inline">
      <span class="visually-hidden">Colours</span>
      <select
        class="select"
        value={theme.value}
        onChange={(event) => chooseTheme(event.currentTarget.value as Theme)}
      >
        {NAMES.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
