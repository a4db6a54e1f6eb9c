// The dashboard begins here.
import { render } from "preact";
import { App } from "./app";
import { applyTheme } from "./preferences";
import { loadSession } from "./session";
import { followHistory } from "./url";

applyTheme();
followHistory();
void loadSession();
const root = document.getElementById("app");
if (root) render(<App />, root);
