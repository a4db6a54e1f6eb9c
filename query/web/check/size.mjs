// The first load must stay small: every script and style that the page names,
// compressed as the binary compresses them.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limit = 60 * 1024;
const root = new URL("../dist/app/", import.meta.url);
const page = readFileSync(new URL("index.html", root), "utf8");
const names = [...page.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((m) => m[1]);
if (!names.some((n) => n.endsWith(".js"))) throw new Error("The built page names no script; run npm run build first.");

let total = gzipSync(page, { level: 9 }).length;
for (const name of names) {
  const size = gzipSync(readFileSync(new URL(name, root)), { level: 9 }).length;
  console.log(`${String(size).padStart(7)}  ${name}`);
  total += size;
}
console.log(`${String(total).padStart(7)}  first load of at most ${limit}`);
if (total > limit) {
  console.error(`The first load is ${total - limit} bytes too large. Load what is rarely needed later (import()).`);
  process.exit(1);
}
