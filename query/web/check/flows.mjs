// Does in a browser what a person does, on the made-up workspace: signing in,
// finding a contact, asking a report, building a funnel, disconnecting.
import assert from "node:assert/strict";
import { test, after, before } from "node:test";
import { start } from "../dev/server.mjs";
import { launch } from "./browser.mjs";

let browser, full;

before(async () => {
  browser = await launch();
  full = await start();
});

after(async () => {
  await browser?.close();
  full?.server.close();
});

/** A fresh window, signed in unless told otherwise; it fails on errors in the page. */
async function open(t, path, { signedIn = true } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
  if (signedIn) await context.addCookies([{ name: "sourceloop-dev", value: "1", url: full.address }]);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on("pageerror", (e) => errors.push(e.message));
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, []);
  });
  await page.goto(full.address + path);
  return page;
}

const id = (name) => `[data-testid="${name}"]`;
const query = (page) => new URL(page.url()).searchParams;
const until = (page, fn, arg) => page.waitForFunction(fn, arg);

test("signing in returns to where one wanted to go; a wrong password says what to do", async (t) => {
  const page = await open(t, "/funnels?period=7d", { signedIn: false });
  await page.waitForSelector(id("sign-in"));
  await page.fill(id("email"), "owner@northwind.example");
  await page.fill(id("password"), "wrong");
  await page.click(id("submit"));
  await page.waitForSelector(id("problem"));
  assert.match(await page.textContent(id("problem")), /wrong.*Check both/s);
  await page.fill(id("password"), "sourceloop-dev");
  await page.keyboard.press("Enter");
  await page.waitForSelector(id("new-funnel"));
  assert.equal(new URL(page.url()).pathname, "/funnels");
  assert.equal(query(page).get("period"), "7d");
  await page.click(id("sign-out"));
  await page.waitForSelector(id("sign-in"));
  await page.fill(id("email"), " owner@northwind.example ");
  await page.fill(id("password"), " sourceloop-dev ");
  const [sent] = await Promise.all([page.waitForRequest((r) => r.url().endsWith("/sign-in") && r.method() === "POST"), page.click(id("submit"))]);
  assert.deepEqual(sent.postDataJSON(), { email: "owner@northwind.example", password: " sourceloop-dev " }, "a password is sent as it was typed");
});

test("a link to another site is not followed after signing in", async (t) => {
  const page = await open(t, "/sign-in?next=//evil.example/x", { signedIn: false });
  await page.fill(id("email"), "owner@northwind.example");
  await page.fill(id("password"), "sourceloop-dev");
  await page.click(id("submit"));
  await page.waitForSelector(id("contact-row"));
  assert.equal(page.url().startsWith(full.address), true);
});

test("signing up needs a fresh link", async (t) => {
  const page = await open(t, "/sign-up?token=spent", { signedIn: false });
  await page.fill(id("email"), "new@northwind.example");
  await page.fill(id("password"), "a long enough one");
  await page.fill(id("workspace-name"), "New");
  await page.click(id("submit"));
  assert.match(await page.textContent(id("problem")), /used already/);
});

test("contacts: search, filter, columns, pages, a file", async (t) => {
  const page = await open(t, "/contacts");
  await page.waitForSelector(id("contact-row"));
  await page.keyboard.press("/");
  await page.keyboard.type("bergmann");
  await until(page, () => [...document.querySelectorAll("[data-testid=contact-row]")].every((r) => r.textContent.includes("Bergmann")));
  await until(page, () => new URLSearchParams(location.search).get("q") === "bergmann");
  assert.equal(await page.inputValue(id("search")), "bergmann");
  await page.fill(id("search"), "");
  await until(page, () => document.querySelectorAll("[data-testid=contact-row]").length === 50);
  await page.click(id("next-page"));
  await until(page, () => document.querySelectorAll("[data-testid=contact-row]").length === 16);
  await page.goBack();
  await until(page, () => document.querySelectorAll("[data-testid=contact-row]").length === 50);
  await page.click(id("columns"));
  await page.check(id("column-browser"));
  assert.match(query(page).get("cols"), /browser/);
  await page.waitForSelector("td[data-column=browser]");
  await page.keyboard.press("Escape");
  await page.click(id("add-filter"));
  await page.selectOption(id("filter-dimension"), "medium");
  await page.fill(id("filter-value"), "cpc");
  await page.click(id("filter-apply"));
  await until(page, () => [...document.querySelectorAll("td[data-column=last_touch]")].every((c) => c.textContent.endsWith("/ cpc")));
  await page.click(id("export"));
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(id("export-csv"))]);
  assert.equal(file.suggestedFilename(), "contacts.csv");
  await page.click(id("clear-filters"));
  await until(page, () => document.querySelectorAll("[data-testid=contact-row]").length === 50);
});

test("a contact: every field by its name, the journey, why, a stage, Esc", async (t) => {
  const page = await open(t, "/contacts");
  await page.locator(`${id("contact-row")} a`).first().click();
  await page.waitForSelector(id("session"));
  const fields = ["email", "name", "converted_at", "first_touch.channel", "first_touch.source", "first_touch.medium", "first_touch.campaign", "first_touch.content", "first_touch.term", "first_touch.landing_page", "last_touch.source", "last_touch.medium", "last_touch.referrer", "last_touch.rule", "referrer_chain", "pages_before", "seconds_on_site", "return_visits", "device", "country", "browser"];
  for (const f of fields) assert.equal(await page.locator(`${id("contact")} [data-field="${f}"]`).count(), 1, f);
  assert.match(await page.textContent(id("matched")), /matched by sourceloop_id/);
  assert.equal(await page.locator(`${id("journey-item")}[data-type=conversation]`).count(), 1);
  await page.locator(`${id("why")} summary`).last().click();
  assert.match(await page.locator(id("why")).last().textContent(), /by the rule “.+”/);
  await page.selectOption(id("stage"), "Converted");
  await page.waitForSelector('[data-field=stage][data-value="Converted"]');
  await page.locator("#contact-name").focus();
  await page.keyboard.press("Escape");
  await until(page, () => location.pathname === "/contacts");
});

test("hostile text stays text", async (t) => {
  const page = await open(t, "/contacts?q=%3Cimg");
  await page.locator(`${id("contact-row")} a`).first().click();
  await page.waitForSelector(id("conversation"));
  assert.equal(await page.locator("#screen img").count(), 0);
  const links = await page.locator("a").evaluateAll((all) => all.map((a) => a.protocol));
  assert.equal(links.every((p) => p === "http:" || p === "https:"), true);
  const turned = page.locator(`text=\u202eexe.gpj`);
  assert.equal((await turned.count()) >= 2, true);
  const kept = await turned.evaluateAll((all) => all.every((e) => getComputedStyle(e).display !== "inline" || getComputedStyle(e).unicodeBidi === "isolate"));
  assert.equal(kept, true, "text that turns the direction of writing stays in its element");
});

test("traffic: one click filters everything, two models, periods by key", async (t) => {
  const page = await open(t, "/dashboards/traffic");
  await page.click(`${id("by-source")} tr[data-key=linkedin] button`);
  await page.waitForSelector(`${id("filters")} >> text=linkedin`);
  await until(page, () => document.querySelectorAll("[data-testid=by-source] tbody tr").length < 7);
  assert.deepEqual(query(page).getAll("f"), ["source:is:linkedin"]);
  assert.match(await page.textContent(id("attributed-channel")), /of \d+ conversions attributed/);
  await page.selectOption(id("second-model"), "linear");
  await page.waitForSelector(`${id("by-channel")} td[data-column=compare_conversions]`);
  await page.locator("h1").click();
  await page.keyboard.press("w");
  await until(page, () => new URLSearchParams(location.search).get("period") === "7d");
  await page.keyboard.press("x");
  await page.waitForSelector(`${id("figure-sessions")} .tile-change`);
  await page.goto(`${full.address}/dashboards/traffic`);
  await until(page, () => new URLSearchParams(location.search).get("period") === "7d");
});

test("a funnel in depth: counts, order, exclusion, moving steps, every report, the people who dropped", async (t) => {
  const page = await open(t, "/funnels");
  await page.click(id("new-funnel"));
  await page.waitForSelector(`${id("step-1")} ${id("matches")}[data-visitors]`);
  await page.click(id("add-step"));
  await page.selectOption(`${id("step-2")} ${id("step-kind")}`, "chat_opened");
  await page.locator(`${id("step-2")} ${id("step-handle")}`).focus();
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.inputValue(`${id("step-1")} ${id("step-kind")}`), "chat_opened");
  assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /^Step 1 of 3/);
  assert.equal(await page.textContent(id("moved")), "Chat opened is now step 1 of 3.");
  await page.locator(`${id("step-1")} ${id("step-handle")}`).dragTo(page.locator(id("step-2")));
  await until(page, () => document.querySelector("[data-testid=step-2] [data-testid=step-kind]").value === "chat_opened");
  await page.click(id("add-exclusion"));
  await page.fill(`${id("exclusion-1")} ${id("step-value")}`, "/careers");
  await page.selectOption(id("exclusion-place"), "2-3");
  await page.selectOption(id("order"), "strict");
  await page.click(id("run"));
  await page.waitForSelector(id("funnel-steps"));
  const asked = JSON.parse(query(page).get("q"));
  assert.equal(asked.order, "strict");
  assert.deepEqual(asked.exclusions, [{ step: { type: "pageview", operator: "starts_with", value: "/careers" }, after: 2, before: 3 }]);
  assert.deepEqual(asked.steps.map((s) => s.name ?? s.value), ["/", "chat_opened", "intercom_conversation"]);
  await page.selectOption(id("compare"), "previous");
  await page.waitForSelector(`${id("funnel-entered")} .tile-change`);
  await page.locator(id("dropped")).first().click();
  await page.waitForSelector(id("person"));
  assert.equal(query(page).get("dropped"), "1");
  assert.equal(await page.locator(id("person")).count(), 50);
  await page.click(id("people-next"));
  await until(page, () => document.querySelectorAll("[data-testid=person]").length === 23);
  await page.goBack();
  await until(page, () => document.querySelectorAll("[data-testid=person]").length === 50);
  for (const [tab, sign] of [["trend", "funnel-trend"], ["compare", "funnel-compared"], ["breakdown", "funnel-breakdown"], ["models", "funnel-credits"], ["paths", "paths-between"], ["best", "best-paths"], ["correlation", "correlation"], ["overview", "funnel-steps"]]) {
    await page.click(id(`tab-${tab}`));
    await page.waitForSelector(`${id(sign)} tbody tr`);
    assert.ok((await page.locator(`${id("funnel-report")} svg[role=img]`).count()) > 0, `${tab} has a chart`);
    await page.locator(`${id("funnel-report")} button[data-testid^=export-]`).first().click();
    assert.match(await page.textContent(id("export-call")), /Copy as API call/);
    await page.waitForSelector(id("export-csv"));
    await page.keyboard.press("Escape");
  }
  await page.click(id("tab-breakdown"));
  await page.selectOption(id("slice"), "landing_page");
  await page.waitForSelector(id("breakdown-rest"));
  await page.reload();
  await page.waitForSelector(id("breakdown-rest"));
  await page.locator(`${id("funnel-breakdown")} td a`).first().click();
  await page.waitForSelector(`${id("people-of")} >> text=northwind.example`);
  await page.waitForSelector(id("person"));
  assert.equal(query(page).get("key"), "https://northwind.example/");
  await page.click(`${id("people-of")} button`);
  await page.waitForSelector(id("people-of"), { state: "detached" });
  await page.locator(`${id("person")} a`).first().click();
  await until(page, () => location.pathname.startsWith("/contacts/"));
});

test("a funnel's slices: who dropped of one row, and who completed by a model", async (t) => {
  const page = await open(t, "/funnels");
  const [counted] = await Promise.all([page.waitForRequest((r) => r.url().endsWith("/funnels/matches") && r.postDataJSON().from), page.goto(`${full.address}/funnels?period=7d&edit=1`)]);
  assert.ok(counted.postDataJSON().to);
  await page.click(id("run"));
  await page.click(id("tab-breakdown"));
  await page.selectOption(id("slice-who"), "dropped");
  const lost = page.locator(`${id("funnel-breakdown")} tr[data-key=google] td[data-step="1"] a`);
  await until(page, () => document.querySelectorAll("[data-testid=funnel-breakdown] tr[data-key=google] td[data-step]").length === 1);
  await lost.click();
  await page.waitForSelector(`${id("people-of")} >> text=google`);
  assert.equal(query(page).get("dropped"), "1");
  assert.equal(await page.inputValue(id("people-way")), "1");
  await page.click(id("tab-models"));
  const [asked] = await Promise.all([page.waitForRequest((r) => r.url().endsWith("/funnels/query") && r.postDataJSON().credits), page.selectOption(id("credit"), "time_decay")]);
  assert.deepEqual(asked.postDataJSON().credits, { model: "time_decay", dimension: "source", lookback: "90" });
  await page.waitForSelector(`${id("funnel-credits")} tbody tr`);
  const shares = await page.locator(`${id("funnel-credits")} tbody td[data-value]`).evaluateAll((all) => all.reduce((sum, e) => sum + Number(e.dataset.value), 0));
  const total = await page.locator(`${id("credits-total")} td[data-value]`).getAttribute("data-value");
  assert.ok(Math.abs(shares - Number(total)) < 0.01, `${shares} of ${total}`);
  await page.reload();
  await page.waitForSelector(`${id("funnel-credits")} tbody tr`);
});

test("a funnel: build, run, slice, save, open again, delete", async (t) => {
  const page = await open(t, "/funnels");
  await page.click(id("new-funnel"));
  await page.click(id("add-step"));
  await page.selectOption(`${id("step-2")} ${id("step-operator")}`, "equals");
  await page.fill(`${id("step-2")} ${id("step-value")}`, "/pricing");
  await page.selectOption(id("breakdown"), "device");
  await page.click(id("run"));
  await page.waitForSelector(`${id("funnel-breakdown")} tr[data-key=desktop]`);
  const steps = await page.locator(`${id("funnel-steps")} td[data-column=entered]`).evaluateAll((c) => c.map((d) => Number(d.dataset.value)));
  assert.equal(steps.length, 3);
  assert.equal(steps.every((n, i) => i === 0 || n <= steps[i - 1]), true);
  await page.click(id("save-as"));
  await page.fill(id("funnel-name"), "To the chat");
  await page.click(id("funnel-save"));
  await page.waitForSelector("h1 >> text=To the chat");
  await page.click(id("all-funnels"));
  await page.click(`${id("saved-funnels")} >> text=To the chat`);
  await page.waitForSelector(`${id("funnel-breakdown")} tr[data-key=desktop]`);
  await page.waitForSelector("h1 >> text=To the chat");
  await page.click(id("all-funnels"));
  await page.click('button[aria-label="Delete To the chat"]');
  await page.click("dialog >> text=Delete >> nth=-1");
  await until(page, () => !document.querySelector("[data-testid=saved-funnels]").textContent.includes("To the chat"));
});

test("the builder is a drawer: focus, keys, changes that are kept, the phone", async (t) => {
  const q = encodeURIComponent(JSON.stringify({ steps: [{ type: "pageview", operator: "starts_with", value: "/" }, { type: "event", name: "chat_opened" }, { type: "conversion", name: "intercom_conversation" }], scope: "visitor", order: "sequential", window: "336h" }));
  const page = await open(t, `/funnels?q=${q}`);
  await page.waitForSelector(id("funnel-steps"));
  const focused = () => page.evaluate(() => document.activeElement.dataset.testid ?? document.activeElement.id);
  await page.focus(id("edit-steps"));
  await page.keyboard.press("Enter");
  await page.waitForSelector(`dialog${id("builder")}[open]`);
  await until(page, () => document.activeElement.id === "builder-name");
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => !document.activeElement || document.activeElement === document.body || !!document.activeElement.closest("dialog")), `after ${i + 1} tabs the focus has left the drawer`);
  }
  await page.keyboard.press("Escape");
  await page.waitForSelector(id("builder"), { state: "detached" });
  await until(page, () => document.activeElement.dataset.testid === "edit-steps");
  assert.equal(await page.locator(id("unfinished")).count(), 0, "nothing was changed, so nothing is kept");
  assert.equal(query(page).get("draft"), null);

  await page.keyboard.press("Enter");
  await page.locator(`${id("step-2")} ${id("move-up")}`).focus();
  await page.keyboard.press("Alt+ArrowDown");
  await until(page, () => document.querySelector("[data-testid=moved]").textContent === "Chat opened is now step 3 of 3.");
  assert.equal(await focused(), "move-up");
  await page.keyboard.press("Alt+ArrowUp");
  await until(page, () => document.querySelector("[data-testid=moved]").textContent === "Chat opened is now step 2 of 3.");
  assert.equal(query(page).get("draft"), null, "moved there and back is not changed");
  await page.click(`${id("step-2")} ${id("move-up")}`);
  await until(page, () => document.activeElement.matches(".step-number"), undefined);
  await page.keyboard.press("Escape");
  await page.waitForSelector(id("unfinished"));
  assert.equal(JSON.parse(query(page).get("draft")).steps[0].name, "chat_opened");
  await page.reload();
  await page.click(id("continue-draft"));
  await page.waitForSelector(`${id("step-1")} ${id("step-kind")}`);
  assert.equal(await page.inputValue(`${id("step-1")} ${id("step-kind")}`), "chat_opened");
  await page.click(id("undo-changes"));
  assert.equal(await page.inputValue(`${id("step-1")} ${id("step-kind")}`), "pageview");
  await page.setViewportSize({ width: 360, height: 740 });
  const box = await page.locator(id("builder")).boundingBox();
  assert.deepEqual([box.x, box.width], [0, 360]);
  await page.click(id("close-builder"));
  await page.waitForSelector(id("builder"), { state: "detached" });
  await page.goBack();
  await page.waitForSelector(id("builder"));
});

test("a funnel without its chat: the report says so, and where there is nobody it offers to connect", async (t) => {
  const q = encodeURIComponent(JSON.stringify({ steps: [{ type: "pageview", operator: "starts_with", value: "/" }, { type: "conversion", name: "intercom_conversation" }] }));
  const page = await open(t, "/funnels");
  await page.route("**/api/v1/connections", async (route) => {
    const answer = await route.fetch();
    const { items } = await answer.json();
    await route.fulfill({ response: answer, json: { items: items.map((c) => ({ ...c, state: "disconnected" })) } });
  });
  await page.goto(`${full.address}/funnels?q=${q}`);
  await page.waitForSelector(id("funnel-steps"));
  assert.match(await page.textContent(id("unconnected")), /Intercom is not connected/);
  await page.route("**/api/v1/funnels/query", async (route) => {
    const answer = await route.fetch();
    const report = await answer.json();
    await route.fulfill({ response: answer, json: { ...report, breakdown: [], steps: report.steps.map(() => ({ entered: 0, converted: 0, median_seconds: null, p90_seconds: null })) } });
  });
  await page.goto(`${full.address}/funnels?q=${q}&period=7d`);
  await page.waitForSelector(id("empty-unconnected"));
  await page.unroute("**/api/v1/connections");
  await page.reload();
  await page.waitForSelector(id("empty-nothing"));
  await page.click(`${id("empty-nothing")} >> text=Edit steps`);
  await page.waitForSelector(id("builder"));
});

test("the chat card: test, disconnect with its consequences, connect again", async (t) => {
  const page = await open(t, "/setup/chat");
  await page.waitForSelector(`${id("connection-intercom")}[data-state=connected]`);
  assert.equal(await page.textContent('[data-field="workspace_name"]'), "Northwind Support");
  await page.click(id("test"));
  await page.waitForSelector(`${id("test-result")} li[data-ok=true]`);
  await page.click(id("disconnect"));
  assert.match(await page.textContent(id("disconnect-dialog")), /What stops.*What stays.*30 days.*by hand/s);
  await page.click(id("disconnect-confirm"));
  await page.waitForSelector(`${id("connection-intercom")}[data-state=disconnected]`);
  assert.match(await page.textContent(id("clean-up")), /sourceloop_id/);
  assert.equal(await page.getAttribute(id("connect"), "href"), "/connect/intercom/start?backfill=1");
  const card = (change) => page.evaluate((c) => fetch("/api/v1/dev/connection", { method: "POST", body: JSON.stringify(c) }), change);
  await card({ state: "pending" });
  await page.waitForSelector(`${id("state")} >> text=Pending`);
  await card({ state: "error", last_error: "Intercom refused the token. Connect again as an admin." });
  await page.waitForSelector(`${id("state")} >> text=Error`);
  assert.match(await page.textContent('[data-field="last_error"]'), /Connect again/);
  assert.equal(await page.textContent(id("connect")), "Reconnect");
  await card({ state: "connected", workspace_name: "Northwind Support", last_error: "", connected_at: new Date().toISOString() });
  await page.waitForSelector(`${id("state")} >> text=Connected`);
});

test("what begins a session is changed, kept, and not overwritten", async (t) => {
  const page = await open(t, "/settings");
  await page.fill(id("timeout"), "45");
  await page.uncheck(id("midnight"));
  await page.fill(id("domains"), "northwind.example\nshop.example");
  await page.click(id("save-sessions"));
  await page.waitForSelector("text=in force in ten seconds");
  const other = await open(t, "/settings");
  assert.equal(await other.inputValue(id("timeout")), "45");
  assert.equal(await other.isChecked(id("midnight")), false);
  assert.equal(await other.inputValue(id("domains")), "northwind.example\nshop.example");
  await other.fill(id("timeout"), "30");
  await other.click(id("save-sessions"));
  await other.waitForSelector("text=in force in ten seconds");
  await page.fill(id("timeout"), "60");
  await page.click(id("save-sessions"));
  assert.match(await page.textContent(id("problem")), /Somebody else saved.*Load them anew/s);
});

test("an API key is shown once", async (t) => {
  const page = await open(t, "/settings");
  await page.fill(id("key-name"), "Nightly");
  await page.click(id("make-key"));
  assert.match(await page.textContent(id("secret")), /^sl_/);
  await page.reload();
  await page.waitForSelector(id("keys"));
  assert.equal(await page.locator(id("secret")).count(), 0);
  await page.selectOption(id("theme"), "dark");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});

test("numbers that are old say so, and no longer when they are new again", async (t) => {
  const tell = (as_of) => fetch(`${full.address}/api/v1/dev/behind`, { method: "POST", headers: { Cookie: "sourceloop-dev=1" }, body: JSON.stringify({ as_of }) });
  await tell("2026-09-20T11:59:00.000Z");
  t.after(() => tell(""));
  const page = await open(t, "/dashboards/traffic");
  await page.waitForSelector(id("as-of"));
  assert.match(await page.textContent(id("as-of")), /as of .*20 Sept? 2026.*13:59.*stored safely/);
  await tell("");
  await page.reload();
  await page.waitForSelector(id("by-country"));
  await until(page, () => !document.querySelector('[data-testid="as-of"]'));
});

test("ad platforms: a token, a destination, its log, pause, disconnect", async (t) => {
  const page = await open(t, "/setup/ads");
  await page.waitForSelector(`${id("ads-google")}[data-state=connected]`);
  const meta = id("ads-meta");
  assert.match(await page.textContent(`${meta} [data-field="last_error"]`), /Make a new token/);
  await page.click(`${meta} ${id("connect")}`);
  await page.fill(`${meta} ${id("token")}`, "short");
  await page.click(`${meta} ${id("token-save")}`);
  assert.match(await page.textContent(`${meta} ${id("problem")}`), /does not accept.*paste it again/s);
  await page.fill(`${meta} ${id("token")}`, "a whole token");
  await page.click(`${meta} ${id("token-save")}`);
  await page.waitForSelector(`${meta}[data-state=connected]`);

  await page.click(`${id("ads-google")} ${id("new-destination")}`);
  await page.fill(id("name"), "Demos");
  await page.fill(id("account"), "123-456-7890");
  await page.fill(id("action"), "7001009");
  await page.uncheck(id("conversion-hubspot_conversation"));
  await page.fill(id("conversion-others"), "demo, order");
  await page.selectOption(id("trigger"), "stage");
  await page.selectOption(id("trigger-stage"), "Demo booked");
  await page.selectOption(id("value"), "fixed");
  await page.fill(id("value-fixed"), "99.5");
  await page.fill(id("from"), "2026-03-30");
  await page.selectOption(id("consent"), "granted");
  await page.check(id("dry-run"));
  const [request] = await Promise.all([page.waitForRequest((r) => r.method() === "POST" && r.url().endsWith("/destinations")), page.click(id("save-destination"))]);
  assert.deepEqual(request.postDataJSON(), {
    platform: "google", name: "Demos", account: "123-456-7890", action: "7001009", conversions: ["intercom_conversation", "demo", "order"], trigger: "stage", stage: "Demo booked",
    value: { kind: "fixed", fixed: 99.5, currency: "EUR" }, consent: "granted", dry_run: true, paused: false, from: "2026-03-29T22:00:00.000Z",
  });
  const made = `${id("ads-google")} [data-name="Demos"]`;
  await page.waitForSelector(`${made} >> text=Dry run`);
  await page.click(`${made} ${id("pause")}`);
  await page.waitForSelector(`${made} >> text=Paused`);
  await page.click(`${made} ${id("edit")}`);
  await page.waitForSelector(id("destination-form"));
  assert.equal(await page.inputValue(id("conversion-others")), "demo, order");
  assert.equal(await page.inputValue(id("from")), "2026-03-30");
  await page.goBack();
  await page.click(`${made} ${id("delete")}`);
  await page.click(id("delete-confirm"));
  await page.waitForSelector(made, { state: "detached" });

  await page.click(`${id("ads-google")} [data-name="Chats"] ${id("count-error")}`);
  await page.waitForSelector(`${id("push")}[data-state=error]`);
  assert.equal(query(page).get("state"), "error");
  assert.equal(await page.locator(`${id("push")}:not([data-state=error])`).count(), 0);
  const first = page.locator(id("push")).first();
  await first.locator(id("push-open")).click();
  await page.waitForSelector(`${id("attempts")} li`);
  assert.match(await first.textContent(), /does not know this ad click.*Check that the account/s);
  const failed = Number(await page.getAttribute(id("state-error"), "data-value"));
  await first.locator(id("retry")).click();
  await until(page, (n) => document.querySelector("[data-testid=state-error]").dataset.value === String(n), failed - 1);
  await page.click(id("retry-all"));
  await page.waitForSelector(id("empty-nothing"));

  await page.goto(`${full.address}/setup/ads`);
  await page.click(`${id("ads-google")} ${id("disconnect")}`);
  assert.match(await page.textContent(id("disconnect-dialog")), /revoked.*tokens here are destroyed.*pending pushes are cancelled.*30 days.*push log/s);
  await page.click(id("disconnect-confirm"));
  await page.waitForSelector(`${id("ads-google")}[data-state=disconnected]`);
  await page.waitForSelector(`${id("ads-google")} [data-name="Chats"]`);
  assert.equal(await page.getAttribute(`${id("ads-google")} ${id("connect")}`, "href"), "/connect/google/start");
});

test("LinkedIn's rules are picked from a list", async (t) => {
  const page = await open(t, "/setup/ads/new/linkedin");
  await page.fill(id("name"), "Chats");
  await page.fill(id("account"), "1");
  await page.click(id("list-rules"));
  assert.match(await page.textContent(id("problem")), /no ad account/);
  await page.fill(id("account"), "512345678");
  await page.click(id("list-rules"));
  await page.waitForSelector(id("rule"));
  assert.equal(await page.inputValue(id("rule")), "8001001");
  await page.selectOption(id("rule"), "8001003");
  await page.waitForSelector("text=switched off at LinkedIn");
});

test("a contact shows what went to ad platforms", async (t) => {
  const page = await open(t, "/contacts");
  await page.locator(`${id("contact-row")} a`).first().click();
  await page.waitForSelector(`${id("contact-pushes")} ${id("push")}`);
  assert.match(await page.textContent(id("contact-pushes")), /Google Ads: Chats/);
  await page.locator(`${id("contact-pushes")} ${id("push-open")}`).first().click();
  await page.waitForSelector(`${id("contact-pushes")} ${id("attempts")}`);
});

test("stages: add, rename, put in order, remove with who is in it", async (t) => {
  const page = await open(t, "/contacts");
  const names = () => page.locator(`${id("stage-rows")} li`).evaluateAll((all) => all.map((li) => li.dataset.name));
  await page.click(id("edit-stages"));
  await page.waitForSelector(`${id("stage-rows")} li`);
  assert.deepEqual(await names(), ["New", "Contacted", "In Progress", "Demo booked", "Converted", "Lost"]);
  await page.locator(id("stage-name")).fill("Demo held");
  await page.click('button[aria-label="Move Demo held up"]');
  await page.click(id("stage-add"));
  await until(page, () => document.activeElement?.matches("li:last-child [data-testid=stage-name]"));
  await page.keyboard.type("Revived");
  await page.click(id("stage-save"));
  await page.waitForSelector(id("stage-editor"), { state: "detached" });
  await page.selectOption(id("filter-stage"), "Demo held");
  await until(page, () => document.querySelectorAll("[data-testid=contact-row]").length === 2);
  await page.click(id("edit-stages"));
  await page.waitForSelector(`${id("stage-rows")} li`);
  assert.deepEqual(await names(), ["New", "Contacted", "Demo held", "In Progress", "Converted", "Lost", "Revived"]);
  await page.click('button[aria-label="Remove Demo held"]');
  assert.match(await page.textContent(id("stage-removed")), /2 contacts are in it. They will be in “New” again/);
  await page.keyboard.press("Escape");
  await page.waitForSelector(id("stage-editor"), { state: "detached" });
});

test("a webhook is made, tested and deleted", async (t) => {
  const page = await open(t, "/setup/webhooks");
  await page.click(id("add-webhook"));
  await page.fill(id("webhook-name"), "Sheet");
  await page.fill(id("webhook-url"), "https://127.0.0.1/in");
  await page.click(id("save-webhook"));
  assert.match(await page.textContent(id("problem")), /private network/);
  await page.fill(id("webhook-url"), "https://sheet.northwind.example/in");
  await page.check(id("event-lead.changed"));
  await page.click(id("save-webhook"));
  assert.match(await page.textContent(id("secret")), /^whsec_/);
  const card = page.locator(id("webhook"), { hasText: "Sheet" });
  await card.locator(id("test-webhook")).click();
  await card.locator(id("deliveries")).waitFor();
  await card.locator(id("pause-webhook")).click();
  await page.waitForSelector('[data-testid="webhook"][data-state="paused"] >> text=Sheet');
  await card.locator(id("delete-webhook")).click();
  await page.click(id("ask-confirm"));
  await until(page, () => ![...document.querySelectorAll('[data-testid="webhook"]')].some((e) => e.textContent.includes("Sheet")));
});

test("a secret that is renewed leaves what is typed for a new webhook", async (t) => {
  const page = await open(t, "/setup/webhooks");
  await page.click(id("add-webhook"));
  await page.fill(id("webhook-name"), "Half");
  await page.locator(id("renew-secret")).first().click();
  await page.click(id("ask-confirm"));
  await page.waitForSelector(id("secret"));
  assert.equal(await page.locator(id("webhook-name")).count(), 1);
  assert.equal(await page.inputValue(id("webhook-name")), "Half");
});

test("an address for incoming webhooks is shown once", async (t) => {
  const page = await open(t, "/setup/webhooks");
  await page.click(id("add-hook"));
  await page.fill(id("hook-name"), "Form");
  await page.fill(id("hook-conversion"), "signup");
  await page.click(id("save-hook"));
  assert.match(await page.textContent(id("hook-url")), /hooks.in.in_/);
  await page.reload();
  await page.waitForSelector(id("hook"));
  assert.equal(await page.locator(id("hook-url")).count(), 0);
});

test("a BI user is added with a password shown once, and removed", async (t) => {
  const page = await open(t, "/settings/bi-access");
  await page.fill(id("bi-name"), "tableau");
  await page.check(id("bi-details"));
  const [asked] = await Promise.all([page.waitForRequest((r) => r.method() === "POST" && r.url().endsWith("/bi")), page.click(id("add-bi-user"))]);
  assert.deepEqual(asked.postDataJSON(), { name: "tableau", details: true });
  assert.match(await page.textContent(id("bi-password")), /^[A-Z2-7]{26}$/);
  const row = page.locator(`${id("bi-users")} [data-login=w1_tableau]`);
  await row.waitFor();
  assert.equal(await row.getAttribute("data-state"), "from_next_start");
  assert.match(await page.textContent(id("bi-connection")), /w1_tableau/);
  await page.reload();
  await row.waitFor();
  assert.equal(await page.locator(id("bi-password")).count(), 0);
  await row.locator(id("remove-bi-user")).click();
  await page.click(id("ask-confirm"));
  await row.waitFor({ state: "detached" });
  assert.match(await page.textContent(id("bi-removed")), /w1_tableau was removed/);
  const warehouse = page.locator(`${id("bi-users")} [data-login=w1_warehouse]`);
  await warehouse.locator(id("bi-statements-of")).click();
  assert.match(await page.textContent(id("bi-statements")), /CREATE ROW POLICY OR REPLACE w1_warehouse/);
});

test("a BI user whom the server did not drop stays in the list until that is confirmed", async (t) => {
  const page = await open(t, "/settings/bi-access");
  const row = (login, state) => page.locator(`${id("bi-users")} [data-login=${login}][data-state=${state}]`);
  await row("w1_warehouse", "by_statements").locator(id("remove-bi-user")).click();
  await page.click(id("ask-confirm"));
  await row("w1_warehouse", "leaving").waitFor();
  assert.match(await page.textContent(id("bi-removed")), /w1_warehouse can still sign in/);
  await page.reload();
  await row("w1_warehouse", "leaving").locator(id("bi-statements-of")).click();
  assert.match(await page.textContent(id("bi-statements")), /DROP USER IF EXISTS w1_warehouse/);
  await row("w1_warehouse", "leaving").locator(id("bi-were-run")).click();
  const [asked] = await Promise.all([page.waitForRequest((r) => r.method() === "DELETE"), page.click(id("ask-confirm"))]);
  assert.match(asked.url(), /bi\/w1_warehouse\?statements_run=true$/);
  await row("w1_warehouse", "leaving").waitFor({ state: "detached" });
  assert.match(await page.textContent(id("bi-removed")), /w1_warehouse was removed/);
  assert.match(await row("w1_tried", "renewed_from_next_start").textContent(), /former password/);
});

test("filters are kept as a segment, put into force again and forgotten", async (t) => {
  const page = await open(t, "/dashboards/traffic?f=channel:is:Email&f=country:is_not:FR");
  await page.click(id("segments"));
  await page.fill(id("segment-name"), "Mail abroad");
  const [saved] = await Promise.all([page.waitForRequest((r) => r.method() === "POST" && r.url().endsWith("/segments")), page.click(id("segment-save"))]);
  assert.deepEqual(saved.postDataJSON(), { name: "Mail abroad", filters: ["channel:is:Email", "country:is_not:FR"] });
  await page.click(`${id("segment")}:has-text("Paid")`);
  assert.deepEqual(query(page).getAll("f"), ["medium:is:cpc"]);
  await page.click(id("segments"));
  await page.click(`${id("segment")}:has-text("Mail abroad")`);
  assert.deepEqual(query(page).getAll("f"), ["channel:is:Email", "country:is_not:FR"]);
  await page.click(id("segments"));
  await page.click('[aria-label="Forget the segment Mail abroad"]');
  await page.waitForSelector(`${id("segment")}:has-text("Mail abroad")`, { state: "detached" });
  await page.keyboard.press("Escape");
  await page.selectOption(id("first-only"), "first");
  assert.equal(query(page).get("only"), "first");
});

test("a goal is made, found in reports and funnels, changed and deleted, and the past is counted", async (t) => {
  const page = await open(t, "/settings/goals");
  const goal = (name) => `${id("goal")}[data-name="${name}"]`;
  await page.waitForSelector(id("goal"));
  const words = await page.locator(`${id("goal")} [data-field=words]`).allTextContents();
  assert.deepEqual(words, ["Viewing /pricing", "Event trial with plan = pro", "Reaching the stage Converted", "A conversion your server sends"]);

  await page.click(id("add-goal"));
  await page.fill(id("goal-name"), "Saw the prices");
  await page.click(id("save-goal"));
  assert.match(await page.textContent("#goal-error"), /Enter a page/);
  await page.selectOption(id("goal-operator"), "starts_with");
  await page.fill(id("goal-value"), "/docs");
  await page.waitForSelector(`${id("goal-matches")}[data-times="9000"]`);
  await page.click(id("save-goal"));
  assert.match(await page.textContent(id("problem")), /Another goal is named/);
  await page.fill(id("goal-name"), "Read the manual");
  await page.fill(id("goal-worth"), "2.5");
  await page.selectOption(id("goal-since"), "day");
  await page.fill(id("goal-from"), "2026-03-30");
  const [request] = await Promise.all([page.waitForRequest((r) => r.method() === "POST" && r.url().endsWith("/goals")), page.click(id("save-goal"))]);
  assert.deepEqual(request.postDataJSON(), { name: "Read the manual", kind: "page", operator: "starts_with", value: "/docs", worth: 2.5, from: "2026-03-30" });
  await page.waitForSelector(goal("Read the manual"));
  await page.waitForSelector(`${id("rebuild")} >> text=/Counting the past: [345] of 5 parts/`);
  await page.waitForSelector(`${id("rebuild")}[data-finished=true]`);
  assert.match(await page.textContent(id("rebuild")), /The past is counted/);

  await page.click(`${goal("Read the manual")} ${id("edit-goal")}`);
  await page.check(id("kind-event"));
  await page.fill(id("goal-event"), "manual");
  const [put] = await Promise.all([page.waitForRequest((r) => r.method() === "PUT"), page.click(id("save-goal"))]);
  assert.deepEqual(put.postDataJSON(), { name: "Read the manual", kind: "event", event: "manual", worth: 2.5, from: "2026-03-30" });
  await page.waitForSelector(`${goal("Read the manual")} >> text=Event manual`);

  await page.click(`${goal("Read the manual")} [data-field=conversions] a`);
  await page.waitForSelector(id("by-channel"));
  assert.equal(query(page).get("conversion"), "Read the manual");
  await until(page, () => [...document.querySelectorAll("[data-testid=conversion] option")].some((o) => o.textContent === "Trial of Pro"));
  await page.goto(`${full.address}/funnels?edit=1`);
  const kind = page.locator(id("step-kind")).last();
  await until(page, () => [...document.querySelectorAll("[data-testid=step-kind] option")].some((o) => o.textContent === "Goal: Read the manual"));
  await kind.selectOption({ label: "Goal: Read the manual" });
  await page.click(id("run"));
  assert.deepEqual(JSON.parse(query(page).get("q")).steps.at(-1), { type: "conversion", name: "Read the manual" });

  await page.goto(`${full.address}/settings/goals`);
  await page.click(`${goal("Read the manual")} ${id("delete-goal")}`);
  assert.match(await page.textContent(id("ask")), /leave the reports, also those of the past/);
  await page.click(id("ask-confirm"));
  await page.waitForSelector(goal("Read the manual"), { state: "detached" });
  await page.waitForSelector(id("rebuild"));
});

test("who only looks sees goals without editing them", async (t) => {
  const page = await open(t, "/contacts");
  await page.route("**/api/v1/session", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), role: "viewer" } });
  });
  await page.goto(`${full.address}/settings/goals`);
  await page.waitForSelector(id("goal"));
  assert.equal(await page.locator(`${id("add-goal")}, ${id("edit-goal")}, ${id("delete-goal")}`).count(), 0);
  await page.waitForSelector("text=An Owner, an Admin or an Editor can change this.");
});

test("ad cost: an example, a preview, faults by line, storing, Traffic, deleting", async (t) => {
  const page = await open(t, "/setup/ad-cost");
  await page.waitForSelector(`${id("cost-months")} tbody tr`);
  const [example] = await Promise.all([page.waitForEvent("download"), page.click(id("cost-example"))]);
  const file = (text) => page.setInputFiles(id("cost-file"), { name: "costs.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
  await file("day,source,cost\nbad,google,1\n2026-11-01,google,1\nbad,google,2\n");
  await page.waitForSelector(id("bad-lines"));
  assert.deepEqual(await page.locator(`${id("bad-lines")} tbody td:first-child`).allTextContents(), ["2", "4"]);
  assert.match(await page.textContent(id("problem")), /nothing was stored/);
  await file((await import("node:fs")).readFileSync(await example.path(), "utf8"));
  await page.waitForSelector(id("cost-preview"));
  assert.match(await page.textContent(id("cost-preview")), /1,530\.25.*3 entries.*2026-11-01 to 2026-11-02/s);
  await page.click(id("cost-store"));
  await page.waitForSelector(id("cost-stored"));
  // Dropping a file does what choosing does.
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(["day,source,medium,campaign,cost,currency,clicks,impressions\n2026-11-03,google,cpc,dropped,77,EUR,1,2\n"], "dropped.csv", { type: "text/csv" }));
    document.querySelector("[data-testid=drop]").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
  });
  await page.waitForSelector(`${id("cost-preview")} >> text=dropped`);
  await page.click(`${id("nav-dashboards-traffic")}`);
  await page.waitForSelector(`${id("by-channel")} [data-key="Paid Search"] [data-column=cost_per_conversion]`);
  await page.waitForSelector(id("figure-return_on_spend"));
  assert.equal(await page.locator(`${id("by-device")} [data-column=cost]`).count(), 0);
  assert.equal(await page.locator(`${id("by-campaign")} [data-key="autumn-sale"] [data-column=sessions]`).getAttribute("data-value"), "0");
  await page.goto(`${full.address}/setup/ad-cost`);
  const row = `${id("cost-months")} [data-month="2026-11"][data-source=linkedin]`;
  await page.click(`${row} ${id("cost-delete")}`);
  await page.click(id("cost-delete-confirm"));
  await page.waitForSelector(row, { state: "detached" });
});

test("a number opens its conversions, one is explained; Esc, Back and focus", async (t) => {
  const page = await open(t, "/dashboards/traffic?model=linear&vs=first_touch");
  const number = `${id("by-channel")} tr[data-key="Paid Search"] td[data-column=conversions] a`;
  const total = Number(await page.locator(`${id("by-channel")} tr[data-key="Paid Search"] td[data-column=conversions]`).getAttribute("data-value"));
  await page.locator(number).focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(id("behind-conversion"));
  assert.equal(await page.evaluate(() => document.activeElement.id), "behind-name");
  assert.equal(query(page).get("key"), "Paid Search");
  const pageOf = () => page.locator(`${id("behind-conversion")} [data-column=credit]`).evaluateAll((all) => all.map((c) => Number(c.dataset.value)));
  let credits = await pageOf();
  while (await page.locator(id("behind-next")).count()) {
    const first = await page.locator(id("behind-conversion")).first().getAttribute("data-id");
    await page.click(id("behind-next"));
    await until(page, (was) => document.querySelector("[data-testid=behind-conversion]").dataset.id !== was, first);
    credits = [...credits, ...(await pageOf())];
  }
  assert.ok(Math.abs(credits.reduce((a, b) => a + b, 0) - total) < 1e-6, `${credits.length} credits are not ${total}`);
  await page.locator(id("explain")).first().click();
  await page.waitForSelector(id("touch"));
  assert.ok(Math.abs(Number(await page.locator(id("sum-linear")).getAttribute("data-value")) - 1) < 1e-9);
  assert.equal(await page.locator(id("sum-first_touch")).count(), 1);
  assert.equal(await page.locator(`${id("explained")} [data-field=identified_at]`).count(), 1);
  await page.goBack();
  await page.waitForSelector(id("behind-list"));
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "explain");
  await page.goForward();
  await page.waitForSelector(id("explained"));
  await page.keyboard.press("Escape");
  await page.waitForSelector(id("behind"), { state: "detached" });
  await until(page, () => document.activeElement.dataset.opens === "row channel Paid Search  ");
  await page.goto(`${full.address}/dashboards/traffic?model=markov&row=channel&key=Direct`);
  await page.waitForSelector(id("behind-list"));
  assert.match(await page.textContent(id("behind-meaning")), /Markov shares the sum.*spread alike/);
  const [explained] = await Promise.all([page.waitForRequest((r) => r.url().includes("/credits")), page.locator(`${id("behind-list")} ${id("explain")}`).first().click()]);
  assert.match(explained.url(), /model=markov/);
  assert.match(explained.url(), /dimension=channel/);
  assert.match(explained.url(), /from=\d{4}-/);
  await page.waitForSelector(`${id("explained-together")} >> text=Markov shares the conversions of the whole table`);
  assert.ok(Number(await page.locator(id("sum-markov")).getAttribute("data-value")) > 0);
  await page.goto(`${full.address}/dashboards/traffic?model=shapley&row=channel&key=Direct`);
  await page.waitForSelector(id("behind-list"));
  assert.match(await page.textContent(id("behind-meaning")), /the share that Shapley gives it/);
});

test("numbers as of a day, and what changed since", async (t) => {
  const page = await open(t, "/dashboards/traffic");
  await page.waitForSelector(id("by-channel"));
  await page.click(id("as-of-menu"));
  await page.click(id("as-of-apply"));
  await page.waitForSelector(`${id("known-as-of")} >> text=/known at the end of/`);
  assert.match(query(page).get("as_of"), /^\d{4}-\d\d-\d\d$/);
  await page.waitForSelector(`${id("by-channel")} th >> text=Sessions now`);
  await page.waitForSelector(`${id("figure-conversions")} [data-known=then]`);
  await page.waitForSelector(`${id("figure-sessions")} [data-known=now]`);
  assert.equal(await page.locator(id("figure-conversion_rate")).count(), 0);
  assert.match(await page.textContent(id("known-as-of")), /sessions, visitors and page views are those known now/);
  await page.waitForSelector(`${id("then-now")}[data-then="63"][data-now="64"]`);
  assert.equal(await page.locator(`${id("causes")} tbody tr`).count(), 4);
  assert.match(await page.textContent(`${id("causes")} [data-cause=merge]`), /People who turned out to be one.*3.*−1/s);
  assert.match(await page.textContent(id("erased")), /2 conversions of people who were erased/);
  await page.click(id("moved-summary"));
  const [request] = await Promise.all([page.waitForRequest((r) => r.url().includes("/credits")), page.locator(`${id("moved-conversions")} a`).first().click()]);
  assert.match(request.url(), /as_of=\d{4}/);
  await page.waitForSelector(id("explained"));
  const [later] = await Promise.all([page.waitForRequest((r) => r.url().includes("/credits")), page.selectOption(id("explained-when"), "now")]);
  assert.doesNotMatch(later.url(), /as_of/);
  await page.keyboard.press("Escape");
  const [replayed] = await Promise.all([page.waitForRequest((r) => r.url().includes("/attribution/changes")), page.selectOption(id("model"), "shapley")]);
  assert.match(replayed.url(), /model=shapley/);
  await page.waitForSelector(`${id("replayed")} >> text=/^Shapley credits all paths together/`);
  assert.equal(await page.locator(`${id("causes")} tbody tr`).count(), 4);
  await page.click(`${id("known-as-of")} button`);
  await page.waitForSelector(id("changes"), { state: "detached" });
});

test("two dimensions, what is left out, days compared with, and every table as a file or a call", async (t) => {
  const page = await open(t, "/dashboards/traffic");
  await page.selectOption(id("second-dimension"), "source");
  await page.waitForSelector(`${id("by-channel")} tr[data-second=google]`);
  await page.click(id("leave-out"));
  await page.selectOption(id("filter-dimension"), "channel");
  await page.fill(id("filter-value"), "Direct");
  const [request] = await Promise.all([page.waitForRequest((r) => r.url().includes("/attribution?") && r.url().includes("exclude=channel")), page.click(id("filter-apply"))]);
  assert.match(request.url(), /exclude=channel%3Ais%3ADirect/);
  await page.waitForSelector(id("left-out"));
  await page.selectOption(id("compare"), "custom");
  await page.waitForSelector(`${id("by-channel")} td[data-column=previous_conversions]`);
  assert.match(query(page).get("before_from"), /^\d{4}-/);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click(id("export-channel"));
  await page.click(id("export-call"));
  await page.waitForSelector(`${id("export-call")} >> text=Copied`);
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /^curl -sS -H "Authorization: Bearer \$SOURCELOOP_KEY" 'http.*\/api\/v1\/attribution\?.*second_dimension=source.*'$/);
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(id("export-ndjson"))]);
  assert.equal(file.suggestedFilename(), "traffic-channel.ndjson");
  const lines = (await import("node:fs")).readFileSync(await file.path(), "utf8").trim().split("\n").map((l) => JSON.parse(l));
  assert.deepEqual(Object.keys(lines[0]).slice(0, 4), ["channel", "source", "sessions", "conversions"]);
  await until(page, () => document.activeElement?.dataset.testid === "export-channel");
});

test("a table that is shown in part says what the others have, and its file has all rows", async (t) => {
  const page = await open(t, "/dashboards/traffic");
  const ofChannels = (url) => url.pathname === "/api/v1/attribution" && url.searchParams.get("dimension") === "channel";
  // Three rows are shown, and a file has as many as it asks for, up to most.
  let most = 100_000;
  let first = () => undefined; // what a file's rows wait for; what it gives is their answer
  let shown = "";
  await page.route(ofChannels, async (route) => {
    const url = new URL(route.request().url());
    const limit = url.searchParams.get("limit");
    if (!limit) shown = url.href;
    const instead = limit ? await first() : undefined;
    url.searchParams.set("limit", limit ? Math.min(limit, most) : 3);
    return instead ? route.fulfill(instead) : route.continue({ url: url.href });
  });
  await page.reload();
  await page.waitForSelector(id("rest-channel"));
  assert.equal(await page.locator(`${id("by-channel")} tbody tr`).count(), 3);
  const everything = () => page.evaluate(async (url) => (await (await fetch(`${url}&limit=100000`)).json()).rows, shown);
  const rows = await everything();
  assert.equal(rows.length > 5, true);
  const sum = (of, name) => of.reduce((n, r) => n + r[name], 0);
  const near = (a, b) => assert.equal(Math.abs(a - b) < 1e-6, true, `${a} is not ${b}`);
  const words = (await page.textContent(id("rest-channel"))).replaceAll(",", "");
  const others = rows.slice(3);
  assert.match(words, new RegExp(`^${others.length} other values have ${sum(others, "conversions")} conversions? ${sum(others, "sessions")} sessions a value of €\\d+ and a cost of €\\d+\\.`));

  const save = () => page.click(id("export-ndjson"));
  const saved = async () => {
    const [file] = await Promise.all([page.waitForEvent("download"), save()]);
    return (await import("node:fs")).readFileSync(await file.path(), "utf8").trim().split("\n").map((l) => JSON.parse(l));
  };
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  first = () => held;
  await page.click(id("export-channel"));
  await Promise.all([page.waitForRequest((r) => r.url().includes("limit=100000")), save()]);
  await page.waitForSelector("text=One moment…");
  assert.equal(await page.locator(id("export-csv")).isDisabled(), true);
  answer({ status: 500, contentType: "application/problem+json", body: JSON.stringify({ title: "The rows could not be read.", detail: "", what_to_do: "Try again." }) });
  await page.waitForSelector(`${id("problem")} >> text=The rows could not be read.`);
  first = () => undefined;
  const all = await saved();
  assert.deepEqual(all.map((r) => [r.channel, r.sessions, r.conversions]), rows.map((r) => [r.key, r.sessions, r.conversions]));

  most = 5;
  await page.click(id("export-channel"));
  const some = await saved();
  assert.deepEqual(some.slice(0, 5), all.slice(0, 5));
  assert.equal(some.length, 6);
  assert.equal(some[5].channel, "(others)");
  for (const name of ["sessions", "conversions", "value", "cost"]) near(some[5][name], sum(all.slice(5), name));

  await page.selectOption(id("second-model"), "linear");
  await page.waitForSelector(`${id("rest-channel")} >> text=/have .* conversions by Last touch, .* by Linear, .* sessions and a cost of €/`);
});

test("paths, content and locations: what a step is, repeats, filters, sorting, files", async (t) => {
  const page = await open(t, "/dashboards/paths");
  await page.waitForSelector(`${id("paths")} tbody tr`);
  const sum = () => page.locator(`${id("paths")} [data-column=conversions]`).evaluateAll((all) => all.reduce((n, td) => n + Number(td.dataset.value), 0));
  const total = Number(await page.getAttribute(id("path-total"), "data-total"));
  await page.click(id("all-paths"));
  assert.equal(await sum(), total);
  const repeated = () => page.locator(`${id("paths")} tbody tr`).evaluateAll((all) => all.filter((tr) => tr.dataset.path.split(" > ").some((s, i, of) => s === of[i - 1])).length);
  assert.equal(await repeated(), 0);
  await page.check(id("path-repeats"));
  await until(page, () => [...document.querySelectorAll("[data-testid=paths] tbody tr")].some((tr) => tr.dataset.path.split(" > ").some((s, i, of) => s === of[i - 1])));
  assert.equal(query(page).get("repeats"), "1");
  await page.locator(".path-middle summary").first().click();
  await page.selectOption(id("path-by"), "source");
  await until(page, () => [...document.querySelectorAll("[data-testid=paths] tbody tr")].some((tr) => tr.dataset.path.includes("google")));
  await page.click(id("export"));
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(id("export-csv"))]);
  assert.equal(file.suggestedFilename(), "paths-source.csv");
  await page.click(id("nav-dashboards-content"));
  await page.waitForSelector(`${id("content")} tbody tr`);
  await page.click(id("sort-exits"));
  await until(page, () => new URL(location.href).searchParams.get("sort") === "exits");
  const exits = await page.locator(`${id("content")} [data-column=exits]`).evaluateAll((all) => all.map((td) => Number(td.dataset.value)));
  assert.deepEqual(exits, [...exits].sort((a, b) => b - a));
  await page.click(id("nav-dashboards-locations"));
  await page.click(`${id("locations")} [data-key=DE] button`);
  await until(page, () => document.querySelectorAll("[data-testid=locations] tbody tr").length === 1);
  assert.deepEqual(query(page).getAll("f"), ["country:is:DE"]);
});

test("paths, content and locations beside other days, first conversions only, as files and calls", async (t) => {
  const page = await open(t, "/dashboards/paths");
  await page.waitForSelector(`${id("paths")} tbody tr`);
  const lines = async (name) => {
    await page.click(id("export"));
    const [file] = await Promise.all([page.waitForEvent("download"), page.click(id("export-ndjson"))]);
    assert.equal(file.suggestedFilename(), name);
    return (await import("node:fs")).readFileSync(await file.path(), "utf8").trim().split("\n").map((l) => JSON.parse(l));
  };
  const asked = (route, choose) => Promise.all([page.waitForRequest((r) => r.url().includes(`/api/v1/${route}?`)), choose()]).then(([r]) => new URL(r.url()).searchParams);
  await page.locator("h1").click();
  assert.equal((await asked("paths", () => page.keyboard.press("x"))).get("compare"), "previous");
  const before = Number(await page.getAttribute(id("path-before"), "data-before"));
  const shown = await lines("paths-channel.ndjson");
  assert.equal(shown.reduce((n, r) => n + r["conversions before"], 0), before);
  assert.equal(shown.some((r) => r.conversions === 0 && r["conversions before"] > 0), true);
  assert.match(await page.textContent(id("path-before")), /27 Sept? – 26 Oct 2026: [\d,]+ conversions \([+−][\d.]+% since\)/);
  assert.equal((await asked("paths", () => page.selectOption(id("first-only"), "first"))).get("first_only"), "true");
  assert.equal(query(page).get("only"), "first");

  await page.goto(`${full.address}/dashboards/content`);
  await page.waitForSelector(`${id("content")} tbody tr`);
  const own = await asked("content", () => page.selectOption(id("compare"), "custom"));
  assert.match(own.get("compare_from"), /^\d{4}-\d\d-\d\d$/);
  await page.waitForSelector(`${id("content")} [data-column=previous_conversions]`);
  await page.click(id("sort-views"));
  await page.waitForSelector(`${id("content")} [data-column=previous_views]`);
  assert.equal(await page.textContent(id("change-of")), "Change of views");
  assert.deepEqual(Object.keys((await lines("content.ndjson"))[0]).slice(0, 3), ["page", "visitors", "views"]);
  assert.equal((await asked("content", () => page.selectOption(id("first-only"), "first"))).get("first_only"), "true");

  await page.goto(`${full.address}/dashboards/locations?compare=year`);
  await page.waitForSelector(`${id("locations")} tr[data-key=IS] [data-column=previous_conversions]`);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click(id("export"));
  await page.click(id("export-call"));
  await page.waitForSelector(`${id("export-call")} >> text=Copied`);
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /\/api\/v1\/locations\?.*compare=year/);
  await page.keyboard.press("Escape");
  await page.click(id("as-of-menu"));
  await page.click(id("as-of-apply"));
  await page.waitForSelector(`${id("known-as-of")} >> text=/visitors and sessions are those known now/`);
  await page.waitForSelector(`${id("locations")} th >> text=Rate`, { state: "detached" });
});

test("rules for channels: written, moved, looked at, saved, applied to the past", async (t) => {
  const page = await open(t, "/settings/channels");
  await page.waitForSelector(id("rule"));
  const names = () => page.locator(id("rule-name")).evaluateAll((all) => all.map((input) => input.value));
  await page.click(id("preview"));
  assert.match(await page.textContent(id("preview-answer")), /None of 9,300 sessions would change/);
  await page.click(id("add-rule"));
  await until(page, () => document.activeElement?.matches("li:last-child [data-testid=rule-name]"));
  await page.keyboard.type("Communities");
  const rule = page.locator(id("rule")).last();
  await rule.locator(id("rule-field")).selectOption("landing_path");
  await rule.locator(id("rule-operator")).selectOption("starts_with");
  await page.click(id("save-rules"));
  assert.match(await page.textContent(".rule-error"), /empty condition/);
  await rule.locator(id("rule-value")).fill("/lp/");
  await rule.locator(id("rule-channel")).selectOption("");
  await rule.locator(id("rule-own-channel")).fill("Community");
  await rule.locator(id("rule-handle")).focus();
  await page.keyboard.press("ArrowUp");
  await until(page, () => document.activeElement?.getAttribute("aria-label")?.startsWith("Rule 2 of 3"));
  await page.keyboard.press("ArrowUp");
  await until(page, () => document.activeElement?.getAttribute("aria-label")?.startsWith("Rule 1 of 3"));
  assert.deepEqual(await names(), ["Communities", "Our partners", "Review sites"]);
  await page.click('button[aria-label="Move Our partners down"]');
  await until(page, () => document.querySelector("li:last-child [data-testid=rule-name]")?.value === "Our partners");
  assert.deepEqual(await names(), ["Communities", "Review sites", "Our partners"]);

  await page.click(id("preview"));
  await page.waitForSelector(`${id("preview-answer")}[data-changed="412"]`);
  assert.match(await page.textContent(id("preview-answer")), /412 of 9,300 sessions would change, and 9 of 214 conversions/);
  const change = page.locator(`${id("change")}[data-from=Referral][data-to=Community]`);
  await change.locator("summary").click();
  assert.match(await change.textContent(), /lp.freight.*from https:..community.example.*your rule “Communities”/s);

  // Somebody else saves in between.
  await page.evaluate(async () => {
    const now = await (await fetch("/api/v1/settings")).json();
    await fetch("/api/v1/settings", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(now) });
  });
  await page.click(id("save-rules"));
  assert.match(await page.textContent(id("problem")), /Somebody else saved/);
  await page.click(id("load-rules"));
  await until(page, () => document.querySelectorAll("[data-testid=rule]").length === 2);
  await page.locator(`${id("rule")}[data-name="Review sites"] ${id("rule-remove")}`).press("Enter");
  await until(page, () => document.activeElement?.getAttribute("aria-label")?.startsWith("Rule 1 of 1"));
  const [put] = await Promise.all([page.waitForRequest((r) => r.method() === "PUT"), page.click(id("save-rules"))]);
  assert.deepEqual(put.postDataJSON().rules, [{ name: "Our partners", channel: "Partners", conditions: [{ field: "source", operator: "starts_with", value: "partner-" }] }]);
  await page.waitForSelector("text=Saved. It holds for sessions");
  await page.waitForSelector("text=Apply to the past too?");
  await page.fill(id("past-from"), "2026-03-30");
  const [post] = await Promise.all([page.waitForRequest((r) => r.method() === "POST" && r.url().endsWith("/rebuilds")), page.click(id("apply-past"))]);
  assert.deepEqual(post.postDataJSON(), { from: "2026-03-30" });
  await page.waitForSelector(`${id("rebuild")} >> text=/Deriving sessions of the past: [345] of 5 parts/`);
  await page.waitForSelector(`${id("rebuild")}[data-finished=true]`);
});

test("rules for channels stay as they are while they are sent; what became of it has the focus", async (t) => {
  const page = await open(t, "/settings/channels");
  const name = page.locator(id("rule-name")).first();
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  await page.route((url) => url.pathname === "/api/v1/settings", async (route) => {
    if (route.request().method() === "PUT") await held;
    await route.continue();
  });
  await name.fill("Resellers");
  await page.locator(id("save-rules")).press("Enter");
  await page.waitForSelector(`${id("save-rules")} >> text=One moment…`);
  for (const what of ["rule-name", "rule-handle", "rule-remove", "add-rule"]) assert.equal(await page.locator(id(what)).first().isDisabled(), true, what);
  answer();
  await until(page, () => document.activeElement?.dataset.testid === "rules-status" && document.activeElement.textContent.startsWith("Saved."));
  assert.equal(await name.inputValue(), "Resellers");
  assert.equal(await name.isEnabled(), true);
});

// A button that makes or sends something: where it is, what to fill in, and which request it is to send.
const pressed = [
  { path: "/settings", fill: { "key-name": "Twice" }, button: "make-key", sends: "POST", to: "/keys", done: id("secret") },
  { path: "/settings/bi-access", fill: { "bi-name": "twice" }, button: "add-bi-user", sends: "POST", to: "/bi", done: id("bi-password") },
  { path: "/setup/webhooks", open: "add-webhook", fill: { "webhook-name": "Twice", "webhook-url": "https://twice.northwind.example/in" }, button: "save-webhook", sends: "POST", to: "/webhooks", done: id("secret") },
  { path: "/setup/webhooks", open: "add-hook", fill: { "hook-name": "Twice", "hook-conversion": "twice" }, button: "save-hook", sends: "POST", to: "/hooks", done: id("hook-url") },
  { path: "/setup/webhooks", open: "webhook-log", button: "send-again", sends: "POST", to: "/replay", done: `${id("send-again")}:enabled` },
  { path: "/setup/webhooks", button: "test-webhook", sends: "POST", to: "/test", done: id("deliveries") },
  { path: "/setup/webhooks", open: "renew-secret", button: "ask-confirm", sends: "POST", to: "/secret", done: id("secret") },
  { path: `/funnels?q=${encodeURIComponent(JSON.stringify({ steps: [{ type: "pageview", operator: "starts_with", value: "/" }, { type: "event", name: "chat_opened" }], scope: "visitor", order: "sequential", window: "336h" }))}`, open: "save-as", fill: { "funnel-name": "Twice" }, button: "funnel-save", sends: "POST", to: "/funnels", done: `${id("save-as")} >> text=Save as new` },
  { path: "/settings/channels", fill: { "rule-name": "Twice" }, button: "save-rules", sends: "PUT", to: "/settings", done: "text=Saved. It holds for sessions" },
  { path: "/settings/goals", open: "add-goal", fill: { "goal-name": "Twice", "goal-value": "/twice" }, button: "save-goal", sends: "POST", to: "/goals", done: `${id("goal")}[data-name=Twice]` },
];

for (const { path, open: opener, fill = {}, button, sends, to, done } of pressed) {
  test(`${button}, pressed twice while the first request is under way, sends one`, async (t) => {
    const page = await open(t, path);
    if (opener) await page.locator(id(opener)).first().click();
    for (const [name, text] of Object.entries(fill)) await page.locator(id(name)).first().fill(text);
    let sent = 0;
    let answer;
    const held = new Promise((resolve) => (answer = resolve));
    await page.route((url) => url.pathname.startsWith("/api/") && url.pathname.endsWith(to), async (route) => {
      if (route.request().method() !== sends) return route.continue();
      sent++;
      await held;
      await route.continue();
    });
    await page.locator(id(button)).first().dblclick();
    // What it sent was seen before this, which was sent after it.
    await page.evaluate(() => fetch("/api/v1/session").then((r) => r.text()));
    assert.equal(sent, 1);
    assert.equal(await page.locator(id(button)).first().isDisabled(), true);
    answer();
    await page.waitForSelector(done);
    assert.equal(sent, 1);
  });
}

test("who presses a button by key has the focus on it again, once it was sent or the question was left", async (t) => {
  const page = await open(t, "/setup/webhooks");
  const focused = (name) => until(page, (n) => document.activeElement?.dataset.testid === n, name);
  const press = async (name) => {
    await page.locator(id(name)).first().focus();
    await page.keyboard.press("Enter");
  };
  await press("pause-webhook");
  await page.waitForSelector(`${id("webhook")}[data-state=paused]`);
  await focused("pause-webhook");
  await press("test-webhook");
  await page.waitForSelector(id("delivery"));
  await focused("test-webhook");
  // A question is there before it is shown, and takes no focus until then.
  const asked = async () => {
    await press("renew-secret");
    await until(page, (n) => !!document.activeElement?.closest(`dialog[data-testid=${n}]`), "ask");
  };
  await asked();
  await page.locator(`${id("ask")} button`, { hasText: "Cancel" }).press("Enter");
  await focused("renew-secret");
  await asked();
  await page.locator(id("ask-confirm")).press("Enter");
  await page.waitForSelector(id("secret"));
  await focused("renew-secret");
});

test("a form that opens in its place has the focus, and what opened it has it again", async (t) => {
  for (const { path, opener, first } of [
    { path: "/setup/webhooks", opener: "add-webhook", first: "webhook-name" },
    { path: "/setup/webhooks", opener: "edit-webhook", first: "webhook-name" },
    { path: "/setup/webhooks", opener: "add-hook", first: "hook-name" },
    { path: "/setup/webhooks", opener: "edit-hook", first: "hook-name" },
    { path: "/settings/goals", opener: "add-goal", first: "goal-name" },
    { path: "/settings/goals", opener: "edit-goal", first: "goal-name" },
  ]) {
    const page = await open(t, path);
    await page.locator(id(opener)).first().press("Enter");
    await until(page, (n) => document.activeElement?.dataset.testid === n, first);
    await page.locator("form button", { hasText: "Cancel" }).press("Enter");
    await until(page, (n) => document.activeElement?.dataset.testid === n, opener);
  }
});
