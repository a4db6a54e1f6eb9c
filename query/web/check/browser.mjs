// Finds the Chromium that is installed: $CHROMIUM, or the first on the path.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // The next one may be there.
      }
    }
  }
  throw new Error("No Chromium was found. Install it, or name it in the variable CHROMIUM.");
}

/** Starts a browser without a window. */
export function launch() {
  return chromium.launch({ executablePath: executable(), args: ["--no-sandbox"] });
}
