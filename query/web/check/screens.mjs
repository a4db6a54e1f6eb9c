// Opens every screen in light, dark and on a narrow phone, with data and
// without; fails on what axe-core finds, on any message in the console, and on
// a page wider than its window. Leaves a picture of each in screens/.
import { mkdirSync, readFileSync } from "node:fs";
import { start } from "../dev/server.mjs";
import { launch } from "./browser.mjs";

const folder = new URL("../screens/", import.meta.url).pathname;
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const q = encodeURIComponent(JSON.stringify({ steps: [{ type: "pageview", operator: "starts_with", value: "/" }, { type: "pageview", operator: "equals", value: "/pricing" }, { type: "conversion", name: "intercom_conversation" }], scope: "visitor", order: "sequential", window: "336h", breakdown: "source" }));

const draft = encodeURIComponent(JSON.stringify({ steps: [{ type: "pageview", operator: "equals", value: "/pricing" }, { type: "conversion", name: "intercom_conversation" }], scope: "visitor", order: "sequential", window: "336h" }));

const views = [
  { name: "light", size: { width: 1440, height: 900 }, scheme: "light" },
  { name: "dark", size: { width: 1440, height: 900 }, scheme: "dark" },
  { name: "phone", size: { width: 360, height: 740 }, scheme: "light" },
];

const screens = [
  { name: "sign-in", path: "/sign-in", out: true, ready: "[data-testid=sign-in]" },
  { name: "sign-up", path: "/sign-up?token=once", out: true, ready: "[data-testid=sign-up]" },
  { name: "contacts", path: "/contacts", ready: "[data-testid=contact-row]" },
  { name: "contacts-filtered", path: "/contacts?f=source:is:google&stage=New", ready: "[data-testid=filters]" },
  { name: "contacts-nothing", path: "/contacts?q=nobody-at-all", ready: "[data-testid=empty-nothing]" },
  { name: "contact", path: "/contacts/{first}", ready: "[data-testid=session]", open: "[data-testid=why] summary" },
  { name: "contact-hostile", path: "/contacts/{hostile}", ready: "[data-testid=session]" },
  { name: "contact-unknown", path: "/contacts/6ba2b18c-0c3e-8f4e-9c27-2f0f5c1c7a10", ready: "[data-testid=contact] [data-testid=problem]", allow: /404/ },
  { name: "traffic", path: "/dashboards/traffic?compare=previous", ready: "[data-testid=by-country] tbody tr", open: ".twin summary" },
  { name: "traffic-two", path: "/dashboards/traffic?period=today&model=last_touch&vs=linear&f=device:is:desktop", ready: "[data-testid=by-country] tbody tr" },
  { name: "traffic-filter", path: "/dashboards/traffic", ready: "[data-testid=by-country] tbody tr", click: "[data-testid=add-filter]" },
  { name: "traffic-segments", path: "/dashboards/traffic?f=channel:is:Email", ready: "[data-testid=by-country] tbody tr", click: "[data-testid=segments]", seen: "[data-testid=segment]" },
  { name: "traffic-period", path: "/dashboards/traffic", ready: "[data-testid=by-country] tbody tr", click: "[data-testid=period]" },
  { name: "traffic-split", path: "/dashboards/traffic?second=medium&compare=custom&before_from=2026-09-01&before_to=2026-09-30&x=channel:is:Direct", ready: "[data-testid=by-country] tbody tr", click: "[data-testid=export-channel]" },
  { name: "traffic-as-of", path: "/dashboards/traffic?as_of=2026-11-20", ready: "[data-testid=by-country] tbody tr", seen: "[data-testid=causes]", click: "[data-testid=moved-summary]" },
  { name: "traffic-as-of-menu", path: "/dashboards/traffic", ready: "[data-testid=by-country] tbody tr", click: "[data-testid=as-of-menu]" },
  { name: "traffic-behind", path: "/dashboards/traffic?model=linear&row=channel&key=Paid%20Search", ready: "[data-testid=behind-conversion]" },
  { name: "traffic-behind-together", path: "/dashboards/traffic?model=markov&row=channel&key=Paid%20Search", ready: "[data-testid=behind-conversion]" },
  { name: "traffic-behind-without", path: "/dashboards/traffic?model=markov&row=channel&key=Display", ready: "[data-testid=behind-without]" },
  { name: "traffic-explain", path: "/dashboards/traffic?model=linear&vs=position_based&row=channel&key=Paid%20Search&why={conversion}", ready: "[data-testid=touch]" },
  { name: "traffic-explain-unknown", path: "/dashboards/traffic?why=6ba2b18c-0c3e-8f4e-9c27-2f0f5c1c7a10&as_of=2026-11-20", ready: "[data-testid=behind] [data-testid=problem]", allow: /404/ },
  { name: "funnels-list", path: "/funnels", ready: "[data-testid=saved-funnels] li" },
  { name: "funnels-new", path: "/funnels", ready: "[data-testid=saved-funnels] li", click: "[data-testid=new-funnel]", seen: "[data-testid=step-1] [data-visitors]" },
  { name: "funnels-edit", path: `/funnels?q=${q}&edit=1`, ready: "[data-testid=step-3] [data-visitors]", open: "[data-testid=add-step]", click: "[data-testid=add-exclusion]" },
  { name: "funnels-unfinished", path: `/funnels?q=${q}&draft=${draft}`, ready: "[data-testid=unfinished]", seen: "[data-testid=funnel-steps] tbody tr" },
  { name: "funnels", path: `/funnels?q=${q}`, ready: "[data-testid=funnel-breakdown] tbody tr" },
  { name: "funnels-compared", path: `/funnels?q=${q}&compare=previous`, ready: "[data-testid=funnel-breakdown] tbody tr" },
  { name: "funnels-compare", path: `/funnels?q=${q}&tab=compare`, ready: "[data-testid=funnel-compared-breakdown] tbody tr" },
  { name: "funnels-trend", path: `/funnels?q=${q}&tab=trend`, ready: "[data-testid=funnel-trend] tbody tr" },
  { name: "funnels-breakdown", path: `/funnels?q=${q}&tab=breakdown&by=landing_page`, ready: "[data-testid=breakdown-rest]" },
  { name: "funnels-credits", path: `/funnels?q=${q}&tab=models&by=source&credit=linear`, ready: "[data-testid=funnel-credits] tbody tr" },
  { name: "funnels-slice-dropped", path: `/funnels?q=${q}&tab=breakdown&by=source&show=dropped`, ready: "[data-testid=funnel-breakdown] tbody tr" },
  { name: "funnels-people", path: `/funnels?q=${q}&tab=people&step=2&dropped=1`, ready: "[data-testid=person]" },
  { name: "funnels-people-of", path: `/funnels?q=${q}&tab=people&step=3&by=landing_page&key=${encodeURIComponent("https://northwind.example/pricing")}`, ready: "[data-testid=people-of]", seen: "[data-testid=person]" },
  { name: "funnels-paths", path: `/funnels?q=${q}&tab=paths`, ready: "[data-testid=paths-between] tbody tr" },
  { name: "funnels-best", path: `/funnels?q=${q}&tab=best`, ready: "[data-testid=best-paths] tbody tr" },
  { name: "funnels-correlation", path: `/funnels?q=${q}&tab=correlation`, ready: "[data-testid=correlation] tbody tr" },
  { name: "chat", path: "/setup/chat", ready: "[data-state=connected]", click: "[data-testid=test]" },
  { name: "chat-doctor", path: "/setup/chat", ready: "[data-state=connected]", click: "[data-testid=doctor]", seen: "[data-testid=diagnosis]" },
  { name: "chat-disconnect", path: "/setup/chat", ready: "[data-state=connected]", click: "[data-testid=disconnect]" },
  { name: "ads", path: "/setup/ads", ready: "[data-testid=destination]", click: "[data-testid=test]", seen: "[data-testid=test-result]" },
  { name: "ads-token", path: "/setup/ads", ready: "[data-testid=destination]", click: "[data-testid=ads-meta] [data-testid=connect]", seen: "[data-testid=token]" },
  { name: "ads-disconnect", path: "/setup/ads", ready: "[data-testid=destination]", click: "[data-testid=disconnect]" },
  { name: "ads-new", path: "/setup/ads/new/meta", ready: "[data-testid=destination-form]" },
  { name: "ads-edit", path: "/setup/ads/d2/edit", ready: "[data-testid=value-Converted]" },
  { name: "ads-log", path: "/setup/ads/d1", ready: "[data-testid=push]", click: "[data-state=error] [data-testid=push-open]", seen: "[data-testid=attempts] li" },
  { name: "ads-log-trouble", path: "/setup/ads/d3", ready: "[data-testid=not-connected]" },
  { name: "ads-log-nothing", path: "/setup/ads/d2?state=duplicate", ready: "[data-testid=empty-nothing]" },
  { name: "ads-log-unknown", path: "/setup/ads/d99", ready: "[data-testid=problem]", allow: /404/ },
  { name: "contacts-stages", path: "/contacts", ready: "[data-testid=contact-row]", click: "[data-testid=edit-stages]", seen: "[data-testid=stage-rows] li" },
  { name: "paths", path: "/dashboards/paths", ready: "[data-testid=paths] tbody tr" },
  { name: "paths-pages", path: "/dashboards/paths?by=page&repeats=1", ready: "[data-testid=paths] tbody tr" },
  { name: "paths-nothing", path: "/dashboards/paths?f=source:is:nobody", ready: "[data-testid=empty-nothing]" },
  { name: "paths-compared", path: "/dashboards/paths?compare=previous&only=first", ready: "[data-testid=path-before]", click: "[data-testid=export]", seen: "[data-testid=export-call]" },
  { name: "content-compared", path: "/dashboards/content?compare=custom&before_from=2026-09-01&before_to=2026-09-30&sort=views", ready: "[data-testid=content-before]" },
  { name: "content-as-of", path: "/dashboards/content?as_of=2026-11-20&x=channel:is:Direct", ready: "[data-testid=known-as-of]", seen: "[data-testid=content] tbody tr" },
  { name: "locations-compared", path: "/dashboards/locations?compare=year&model=linear", ready: "[data-testid=locations-before]" },
  { name: "content", path: "/dashboards/content?sort=views", ready: "[data-testid=content] tbody tr" },
  { name: "locations", path: "/dashboards/locations", ready: "[data-testid=locations] tbody tr" },
  { name: "empty-paths", path: "/dashboards/paths", empty: true, ready: "[data-testid=empty-waiting]" },
  { name: "empty-funnels", path: "/funnels", empty: true, ready: "[data-testid=empty-nothing]" },
  ...["overview", "trend", "compare", "breakdown", "models", "people", "paths", "best", "correlation"].map((tab) => ({ name: `empty-funnel-${tab}`, path: `/funnels?q=${q}&tab=${tab}`, empty: true, ready: "[data-testid=empty-waiting]" })),
  { name: "ad-cost", path: "/setup/ad-cost", ready: "[data-testid=cost-months] tbody tr" },
  { name: "ad-cost-preview", path: "/setup/ad-cost", ready: "[data-testid=cost-months] tbody tr", file: "day,source,medium,campaign,cost,currency,clicks,impressions\n2026-11-01,google,cpc,brand-eu,\"1,234.50\",EUR,310,12045\n2026-11-02,linkedin,cpc,a rather long name of a campaign about autumn,215.75,EUR,22,4310\n", seen: "[data-testid=cost-preview]" },
  { name: "ad-cost-bad", path: "/setup/ad-cost", ready: "[data-testid=cost-months] tbody tr", file: "day,source,cost\nbad,google,1\n2026-11-01,google,1\nbad,google,2\n", seen: "[data-testid=bad-lines]", allow: /400/ },
  { name: "ad-cost-delete", path: "/setup/ad-cost", ready: "[data-testid=cost-months] tbody tr", click: "[data-testid=cost-delete]", seen: "[data-testid=cost-delete-dialog]" },
  { name: "tracking-code", path: "/setup/tracking-code", ready: "[data-testid=checks]" },
  { name: "webhooks", path: "/setup/webhooks", ready: "[data-testid=webhook]", click: "[data-testid=webhook-log]", seen: "[data-testid=delivery]" },
  { name: "webhooks-new", path: "/setup/webhooks", ready: "[data-testid=webhook]", click: "[data-testid=add-webhook]", seen: "[data-testid=webhook-form]" },
  { name: "hooks-new", path: "/setup/webhooks", ready: "[data-testid=hook]", click: "[data-testid=add-hook]", seen: "[data-testid=hook-form]" },
  { name: "hooks-edit", path: "/setup/webhooks", ready: "[data-testid=hook]", click: "[data-testid=edit-hook]", seen: "[data-testid=hook-form]" },
  { name: "webhooks-secret", path: "/setup/webhooks", ready: "[data-testid=webhook]", open: "[data-testid=renew-secret]", click: "[data-testid=ask-confirm]", seen: "[data-testid=secret]" },
  { name: "hooks-address", path: "/setup/webhooks", ready: "[data-testid=hook]", open: "[data-testid=renew-hook]", click: "[data-testid=ask-confirm]", seen: "[data-testid=hook-url]" },
  { name: "webhooks-delete", path: "/setup/webhooks", ready: "[data-testid=webhook]", click: "[data-testid=delete-webhook]", seen: "[data-testid=ask]" },
  { name: "empty-webhooks", path: "/setup/webhooks", empty: true, ready: "[data-testid=add-webhook]" },
  { name: "goals", path: "/settings/goals", ready: "[data-testid=goal] [data-field=conversions][data-value]" },
  { name: "goals-new", path: "/settings/goals", ready: "[data-testid=goal]", open: "[data-testid=add-goal]", click: "[data-testid=kind-event]", seen: "[data-testid=goal-event]" },
  { name: "goals-edit", path: "/settings/goals", ready: "[data-testid=goal]", click: "[data-testid=edit-goal]", seen: "[data-testid=goal-matches][data-times]" },
  { name: "goals-delete", path: "/settings/goals", ready: "[data-testid=goal] [data-field=conversions][data-value]", click: "[data-testid=delete-goal]", seen: "[data-testid=ask]" },
  { name: "goals-counting", path: "/settings/goals", ready: "[data-testid=goal]", open: "[data-name='Became a customer'] [data-testid=edit-goal]", click: "[data-testid=save-goal]", seen: "[data-testid=rebuild] progress" },
  { name: "channels", path: "/settings/channels", ready: "[data-testid=rule]" },
  { name: "channels-preview", path: "/settings/channels", ready: "[data-testid=rule]", open: "[data-testid=rule-remove]", click: "[data-testid=preview]", seen: "[data-testid=preview-answer]" },
  { name: "channels-changed", path: "/settings/channels", ready: "[data-testid=rule]", edit: { "[data-testid=rule-name]": "Communities" }, click: "[data-testid=preview]", seen: "[data-testid=change]", then: "[data-testid=change] summary" },
  { name: "channels-new", path: "/settings/channels", ready: "[data-testid=rule]", open: "[data-testid=add-rule]", click: "[data-testid=save-rules]", seen: ".rule-error" },
  { name: "bi-access", path: "/settings/bi-access", ready: "[data-testid=bi-users]", click: "[data-login=w1_parting] [data-testid=bi-statements-of]", seen: "[data-testid=bi-statements]" },
  { name: "bi-access-new", path: "/settings/bi-access", ready: "[data-testid=bi-users]", edit: { "[data-testid=bi-name]": "superset" }, click: "[data-testid=add-bi-user]", seen: "[data-testid=bi-password]" },
  { name: "empty-bi-access", path: "/settings/bi-access", empty: true, ready: "[data-testid=no-bi-users]" },
  { name: "settings", path: "/settings", ready: "[data-testid=keys]" },
  { name: "help", path: "/settings", ready: "[data-testid=keys]", key: "?" },
  { name: "empty-contacts", path: "/contacts", empty: true, ready: "[data-testid=empty-unconnected]" },
  { name: "empty-traffic", path: "/dashboards/traffic", empty: true, ready: "[data-testid=empty-waiting]" },
  { name: "empty-chat", path: "/setup/chat", empty: true, ready: "[data-testid=connect]" },
  { name: "empty-channels", path: "/settings/channels", empty: true, ready: "[data-testid=no-rules]" },
  { name: "empty-goals", path: "/settings/goals", empty: true, ready: "[data-testid=example-goal]" },
  { name: "empty-ads", path: "/setup/ads", empty: true, ready: "[data-testid=ads-google]" },
  { name: "empty-ad-cost", path: "/setup/ad-cost", empty: true, ready: "[data-testid=empty-nothing]" },
  { name: "empty-tracking-code", path: "/setup/tracking-code", empty: true, ready: "[data-testid=checks]" },
];

const only = process.argv.slice(2);
const faults = [];
mkdirSync(folder, { recursive: true });
const browser = await launch();
const full = await start();
const empty = await start({ empty: true });

const signIn = (page, address) => page.context().addCookies([{ name: "sourceloop-dev", value: "1", url: address }]);

async function ids() {
  const answer = await fetch(`${full.address}/api/v1/contacts?limit=200`, { headers: { Cookie: "sourceloop-dev=1" } });
  const { items } = await answer.json();
  const first = items.find((c) => c.return_visits > 1 && c.first_touch.campaign && !c.name.startsWith("<"));
  return { conversion: first.id.replace(/^../, "cc"), first: first.id, hostile: items.find((c) => c.name.startsWith("<")).id };
}

async function visit(view, screen, known) {
  const at = screen.empty ? empty.address : full.address;
  const context = await browser.newContext({ viewport: view.size, colorScheme: view.scheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  const label = `${screen.name}.${view.name}`;
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && !screen.allow?.test(m.text()) && !(screen.out && /401/.test(m.text())) && faults.push(`${label}: console: ${m.text()}`));
  page.on("pageerror", (e) => faults.push(`${label}: ${e.message}`));
  if (!screen.out) await signIn(page, at);
  await page.goto(at + screen.path.replace(/\{(\w+)\}/, (_, name) => known[name]));
  await page.waitForSelector(screen.ready, { timeout: 60_000 });
  for (const [field, text] of Object.entries(screen.edit ?? {})) await page.locator(field).first().fill(text);
  for (const what of [screen.open, screen.click]) if (what) await page.locator(what).first().click();
  if (screen.file) await page.setInputFiles("[data-testid=cost-file]", { name: "costs.csv", mimeType: "text/csv", buffer: Buffer.from(screen.file) });
  if (screen.seen) await page.waitForSelector(screen.seen, { timeout: 60_000 });
  if (screen.then) await page.locator(screen.then).first().click();
  if (screen.key) await page.keyboard.press(screen.key);
  await page.waitForFunction(() => !document.querySelector(".skeleton"));
  await page.waitForLoadState("networkidle");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) faults.push(`${label}: ${wide} pixels wider than the window`);
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  for (const v of found.violations) faults.push(`${label}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 4).join(" | ")}`);
  await page.screenshot({ path: `${folder}${label}.png`, fullPage: !screen.name.startsWith("contact") || view.name === "phone" });
  await context.close();
}

try {
  const known = await ids();
  for (const view of views) {
    for (const screen of screens) {
      if (only.length && !only.includes(screen.name)) continue;
      await visit(view, screen, known).catch((e) => faults.push(`${screen.name}.${view.name}: ${e.message.split("\n")[0]}`));
    }
  }
} finally {
  await browser.close();
  full.server.close();
  empty.server.close();
}
for (const f of faults) console.error(f);
console.log(faults.length === 0 ? "Every screen is as it should be." : `${faults.length} faults.`);
process.exit(faults.length === 0 ? 0 : 1);
