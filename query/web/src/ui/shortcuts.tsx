// Single keys, for those who like them. They never act while something is
// typed, and can be switched off in the settings (WCAG 2.1.4).
import { useEffect } from "preact/hooks";
import { presets } from "../dates";
import { shortcuts } from "../preferences";
import { place, setQuery } from "../url";
import { choosePreset } from "./periodbar";
import { Dialog } from "./basics";

const reports = ["/dashboards/traffic", "/dashboards/paths", "/dashboards/content", "/dashboards/locations", "/funnels"];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** What a key does on a path; false when it does nothing there. */
function press(key: string, help: () => void): boolean {
  const path = place.value.path;
  if (key === "?") {
    help();
    return true;
  }
  if (key === "/") {
    const search = document.querySelector<HTMLInputElement>("[data-search]");
    search?.focus();
    search?.select();
    return !!search;
  }
  const preset = presets.find((p) => p.key === key);
  if (preset && reports.includes(path)) {
    choosePreset(preset.id);
    return true;
  }
  if (key === "x" && reports.includes(path)) {
    setQuery({ compare: place.value.query.get("compare") ? null : "previous" });
    return true;
  }
  return false;
}

/** Listens for single keys on the whole page. */
export function useShortcuts(help: () => void): void {
  useEffect(() => {
    const listen = (e: KeyboardEvent) => {
      if (!shortcuts.value || e.defaultPrevented || e.metaKey || e.ctrlKey || e.altKey) return;
      if (isTyping(e.target) || document.querySelector("dialog[open]")) return;
      if (press(e.key.toLowerCase(), help)) e.preventDefault();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}

/** The list of keys. */
export function Help({ onClose }: { onClose: () => void }) {
  const rows: [string, string][] = [
    ["/", "Search the contacts"],
    ...presets.map((p): [string, string] => [p.key.toUpperCase(), `${p.label} (dashboards, Funnels)`]),
    ["X", "Compare with the previous period (dashboards, Funnels)"],
    ["Esc", "Close what is open"],
    ["?", "This list"],
  ];
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose} testid="help">
      <table class="keys">
        <tbody>
          {rows.map(([key, text]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <form method="dialog" class="dialog-actions">
        <button class="button">Close</button>
      </form>
    </Dialog>
  );
}
