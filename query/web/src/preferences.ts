// What this browser remembers for its user: nothing personal, and nothing
// that the dashboard could not do without.
import { signal } from "@preact/signals";

type Name = "period" | "theme" | "columns" | "shortcuts";

/** Reads what was remembered; "" when there is nothing or storage is refused. */
export function remembered(name: Name): string {
  try {
    return localStorage.getItem(`sourceloop.${name}`) ?? "";
  } catch {
    return "";
  }
}

/** Remembers, where the browser allows it. */
export function remember(name: Name, value: string): void {
  try {
    localStorage.setItem(`sourceloop.${name}`, value);
  } catch {
    // Private windows may refuse: the choice then lasts as long as the page.
  }
}

/** "", "light" or "dark"; empty follows the system. */
export const theme = signal(remembered("theme"));

/** Whether single keys do something. */
export const shortcuts = signal(remembered("shortcuts") !== "off");

/** Applies and remembers a theme. */
export function setTheme(value: string): void {
  theme.value = value;
  remember("theme", value);
  applyTheme();
}

/** Puts the theme on the page. */
export function applyTheme(): void {
  if (theme.value) document.documentElement.dataset.theme = theme.value;
  else delete document.documentElement.dataset.theme;
}

/** Switches single keys on or off. */
export function setShortcuts(on: boolean): void {
  shortcuts.value = on;
  remember("shortcuts", on ? "on" : "off");
}
