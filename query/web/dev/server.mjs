// Serves the built dashboard with a made-up workspace behind it, under the
// same content policy as the binary: node dev/server.mjs [--empty] [--port N].
// Any email with the password "sourceloop-dev" signs in.
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { dirname, extname, join, normalize } from "node:path";
import { makeAds } from "./ads.mjs";
import { makeBI } from "./bi.mjs";
import { makeCredits } from "./credits.mjs";
import { makeGoals } from "./goals.mjs";
import { makeSegments } from "./segments.mjs";
import { makeHooks } from "./hooks.mjs";
import { makeCosts } from "./costs.mjs";
import { makeReports } from "./reports.mjs";
import { makePeople, stages as builtIn } from "./data.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "dist", "app");
const goFile = readFileSync(join(dirname(fileURLToPath(import.meta.url)), "..", "web.go"), "utf8");
const policy = [...goFile.slice(goFile.indexOf("const policy"), goFile.indexOf("// Handler serves")).matchAll(/"([^"]*)"/g)].map((m) => m[1]).join("");
const kinds = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const cookie = "sourceloop-dev=1";

const problem = (status, title, detail, what_to_do) => ({ status, body: { type: "invalid", title, status, detail, what_to_do } });
const ok = (body, status = 200, headers = {}) => ({ status, body, headers });

const ownRules = [
  { name: "Our partners", channel: "Partners", conditions: [{ field: "source", operator: "starts_with", value: "partner-" }] },
  { name: "Review sites", channel: "Affiliates", conditions: [{ field: "referrer_host", operator: "regex", value: "(^|\\.)(reviews|compare)\\.example$" }, { field: "click_id", operator: "is_not", value: "gclid" }] },
];

/** What rules would change: as if those that are kept changed nothing. */
function previewOf(rules) {
  const added = rules.filter((r) => !ownRules.some((o) => JSON.stringify(o) === JSON.stringify(r)));
  const example = (n, path, referrer, rule) => ({ landing_page: `https://northwind.example${path}`, referrer, rule: `rule: ${rule}`, sessions: n });
  const changes = added.flatMap((r) => [
    { from: "Referral", to: r.channel, sessions: 300, conversions: 9, examples: [example(180, "/lp/freight?utm_source=community", "https://community.example/thread/8", r.name), example(120, "/lp/customs", "https://community.example/", r.name)] },
    { from: "Organic Social", to: r.channel, sessions: 112, conversions: 0, examples: [example(112, "/lp/freight?fbclid=IwAR0fake", "https://l.facebook.com/", r.name)] },
  ]);
  return { from: "2026-10-28", to: "2026-11-26", sessions: 9300, sessions_changed: 412 * added.length, conversions: 214, conversions_changed: 9 * added.length, changes };
}

/** The sums of rows that are beyond the limit, of all that can be summed. */
function restOf(rows) {
  const rest = {};
  for (const { key, second_key, cost_per_conversion, return_on_spend, ...sums } of rows) for (const [name, n] of Object.entries(sums)) rest[name] = (rest[name] ?? 0) + n;
  return rest;
}

/** The answers of a workspace; empty: nothing has arrived yet. */
export function makeApi({ empty = false, now = Date.now() } = {}) {
  const people = empty ? [] : makePeople(now);
  const session = {
    user: { email: "owner@northwind.example", name: "" },
    workspace: { id: 1, name: "Northwind Freight", zone: "Europe/Berlin", currency: "EUR", site_key: "slk_7f3a9c" },
    role: "owner",
    workspaces: [{ id: 1, name: "Northwind Freight", role: "owner" }],
  };
  const connection = { provider: "intercom", name: "Intercom", state: empty ? "disconnected" : "connected", workspace_name: empty ? "" : "Northwind Support", connected_at: empty ? null : new Date(now - 9e8).toISOString(), last_event_at: empty ? null : new Date(now - 1e5).toISOString(), last_error: "", connect_url: "/connect/intercom/start", clean_up: ["In Intercom under Settings → Integrations → Authorised apps: remove the app if it is still listed."], unavailable: "", listed: true, looked_at: empty ? null : new Date(now - 6e5).toISOString(), ...(empty ? {} : { backfill: { done: true, found: 128, total: 128, note: "" } }) };
  const definition = { steps: [{ type: "pageview", operator: "starts_with", value: "/" }, { type: "pageview", operator: "equals", value: "/pricing" }, { type: "event", name: "chat_opened" }, { type: "conversion", name: "intercom_conversation" }], scope: "visitor", order: "sequential", window: "336h", breakdown: "source" };
  const funnels = empty ? [] : [{ id: "f1", name: "Pricing to chat", definition, created_at: new Date(now).toISOString(), updated_at: new Date(now).toISOString() }];
  const keys = empty ? [] : [{ id: "k1", name: "Warehouse import", role: "viewer", hint: "sl_9fK2", created_at: new Date(now - 8e9).toISOString(), last_used_at: new Date(now - 4e6).toISOString() }];
  const merges = { merged: [{ contact: "0a1b2c3d-0c3e-8f4e-9c27-2f0f5c1c7a11", node: "email:billing@lofoten.example" }], apart: [{ contact: "0a1b2c3d-0c3e-8f4e-9c27-2f0f5c1c7a12", node: "visitor:7f3a9c0d41" }] };
  const erasures = empty ? [] : [{ id: 1, asked_at: new Date(now - 9e7).toISOString(), hidden: true, finished: true, receipt: ["ClickHouse: 12 hits, 3 sessions, 2 claims and 1 conversion were deleted.", "Kafka forgets by 9 December 2026."] }];
  let settings = { version: 1, in_force_from: new Date(now - 9e9).toISOString(), timeout_seconds: 1800, attribution: true, midnight: true, zone: session.workspace.zone, domains: ["northwind.example"], gateways: ["paypal.com", "stripe.com"], paid_fbclid: false, rules: empty ? [] : ownRules };

  const matches = (c, filter, which) => {
    const [dimension, operator, ...rest] = filter.split(":");
    const value = rest.join(":").toLowerCase();
    const touch = which === "first" ? c.first_touch : c.last_touch;
    const has = String(touch[dimension] ?? c[dimension] ?? "").toLowerCase() || "(none)";
    return operator === "is" ? has === value : operator === "is_not" ? has !== value : has.includes(value);
  };
  const listContacts = (q) => {
    const text = (q.get("q") ?? "").toLowerCase();
    const found = people.map((p) => p.contact).filter((c) => (!text || `${c.email} ${c.name} ${c.phone}`.toLowerCase().includes(text)) && (!q.get("stage") || c.stage === q.get("stage")) && q.getAll("filter").every((f) => matches(c, f, q.get("touch"))));
    const from = Number(q.get("cursor") || 0);
    const limit = Number(q.get("limit") || 50);
    return ok({ items: found.slice(from, from + limit), next: from + limit < found.length ? String(from + limit) : "" });
  };
  const attribution = (q) => {
    const dimension = q.get("dimension") ?? "channel";
    const rows = new Map();
    const second = q.get("second_dimension");
    const keysOf = (s) => [s[dimension] || "(none)", second ? s[second] || "(none)" : ""];
    const compared = (q.get("compare") ?? "none") !== "none";
    const row = (key, second_key = "") => {
      const name = `${key} ${second_key}`;
      if (!rows.has(name)) rows.set(name, { key, conversions: 0, value: 0, sessions: 0, ...(second ? { second_key } : {}), ...(q.get("compare_model") ? { compare_conversions: 0, compare_value: 0 } : {}) });
      return rows.get(name);
    };
    const credit = (model, list) => (model?.startsWith("first") ? [[list[0], 1]] : model === "linear" ? list.map((s) => [s, 1 / list.length]) : [[list.at(-1), 1]]);
    const chosen = people.filter((p) => q.getAll("filter").every((f) => matches(p.contact, f)));
    for (const { journey, contact } of chosen) {
      const list = journey.sessions.length ? journey.sessions : [{ ...contact.last_touch }];
      for (const s of journey.sessions) row(...keysOf(s)).sessions += 37;
      for (const [s, share] of credit(q.get("model"), list)) row(...keysOf(s)).conversions += share;
      if (q.get("compare_model")) for (const [s, share] of credit(q.get("compare_model"), list)) row(...keysOf(s)).compare_conversions += share;
    }
    if (compared) for (const r of rows.values()) Object.assign(r, { previous_conversions: Math.round(r.conversions * 0.8), previous_value: 0, previous_sessions: Math.round(r.sessions * 0.9) });
    const attributed = chosen.filter((p) => p.journey.sessions.length).length;
    const spent = second ? null : costs.by(dimension, q);
    if (spent) {
      for (const [key, cost] of spent) row(key).cost = cost;
      for (const r of rows.values()) {
        r.cost ??= 0;
        r.value ||= r.conversions * 240;
        if (r.cost && r.conversions && !q.get("as_of")) Object.assign(r, { cost_per_conversion: r.cost / r.conversions, return_on_spend: r.value / r.cost });
      }
    }
    const previous = compared ? { previous: { from: "2026-10-01", to: "2026-10-30", attributed: attributed - 5, total: chosen.length - 5 } } : {};
    const sorted = [...rows.values()].sort((a, b) => b.conversions - a.conversions || b.sessions - a.sessions);
    const limit = Number(q.get("limit") || 1000);
    const beyond = sorted.length > limit ? { rest: restOf(sorted.slice(limit)) } : {};
    return ok({ ...previous, ...beyond, ...(spent ? { cost: [...spent.values()].reduce((a, b) => a + b, 0) } : {}), rows: sorted.slice(0, limit), count: sorted.length, attributed, total: chosen.length });
  };
  const traffic = (q) => {
    const days = Math.min(400, Math.max(1, Math.round((Date.parse(q.get("to")) - Date.parse(q.get("from"))) / 864e5) + 1));
    const wave = (i, k) => (empty ? 0 : Math.round(120 + 60 * Math.sin((i + k) / 3.1) + 25 * Math.cos((i + k) * 1.7)));
    const hours = days <= 2;
    const n = hours ? days * 24 : days;
    const points = (k) => Array.from({ length: n }, (_, i) => {
      const start = hours ? `${new Date(Date.parse(q.get("from")) + i * 36e5).toISOString().slice(0, 16)}` : new Date(Date.parse(q.get("from")) + i * 864e5).toISOString().slice(0, 10);
      return { start, sessions: wave(i, k), visitors: Math.round(wave(i, k) * 0.8), conversions: empty ? 0 : Math.max(0, Math.round(wave(i, k + 2) / 60)) };
    });
    const compared = q.get("compare") !== "none";
    const sum = (list, key) => list.reduce((a, p) => a + p[key], 0);
    const [trend, previous] = [points(0), compared ? points(9) : []];
    const as_of = q.get("as_of") ? `${q.get("as_of").slice(0, 10)}T22:59:59.999Z` : undefined;
    const figure = (name, value, before) => ({ name, value, previous: compared ? before : null, change: compared && before ? (value - before) / before : null, ...(as_of && (name === "conversions" || name === "value") ? { as_of } : {}) });
    const [s, c] = [sum(trend, "sessions"), sum(trend, "conversions")];
    const [ps, pc] = [sum(previous, "sessions"), sum(previous, "conversions")];
    return ok({ from: q.get("from"), to: q.get("to"), granularity: hours ? "hour" : "day", trend, previous, figures: [figure("sessions", s, ps), figure("visitors", Math.round(s * 0.8), Math.round(ps * 0.8)), figure("page_views", s * 3, Math.round(ps * 2.8)), figure("conversions", c, pc), figure("conversion_rate", s ? c / s : 0, ps ? pc / ps : 0), figure("value", c * 240, pc * 240), ...(costs.total() && q.getAll("filter").length === 0 ? [figure("cost", costs.total(), costs.total() * 0.9), figure("cost_per_conversion", costs.total() / (c || 1), (costs.total() * 0.9) / (pc || 1)), figure("return_on_spend", (c * 240) / costs.total(), (pc * 240) / (costs.total() * 0.9))] : [])].filter((f) => !as_of || !["conversion_rate", "cost_per_conversion", "return_on_spend"].includes(f.name)) });
  };
  const funnel = (body) => {
    const results = (n) => body.steps.map((_, i) => {
      const entered = Math.round(n * 0.43 ** i);
      return { entered, converted: i === body.steps.length - 1 ? entered : Math.round(n * 0.43 ** (i + 1)), median_seconds: i ? 240 * i ** 2 : 0, p90_seconds: i ? 5200 * i : 0 };
    });
    const named = { source: ["google", "direct", "linkedin", "newsletter"], device: ["desktop", "mobile", "tablet"], country: ["DE", "US"] }[body.credits?.dimension ?? body.breakdown] ?? ["https://northwind.example/", "https://northwind.example/pricing"];
    const many = empty ? 0 : 4210;
    const rest = body.breakdown === "landing_page" ? { values: 37, steps: results(180) } : null;
    const previous = (body.compare ?? "none") === "none" ? null : { from: "2026-09-01", to: "2026-09-30", steps: results(Math.round(many * 0.9)), breakdown: body.breakdown && !empty ? named.slice(1).map((key, i) => ({ key, steps: results(1000 / (i + 1)) })) : [] };
    const last = results(many).at(-1).entered;
    const kept = [...named.map((key, i) => ({ key, completed: Math.round((last * 100) / 2 ** (i + 1)) / 100 })), { key: "(none)", completed: 0 }];
    kept.at(-1).completed = Math.round((last - kept.reduce((a, r) => a + r.completed, 0)) * 100) / 100;
    const credits = body.credits ? { step: body.steps.findLastIndex((s) => s.type === "conversion") + 1, conversion: "intercom_conversation", completed: last, attributed: last * 0.9, rows: empty ? [] : kept } : null;
    return ok({ credits, steps: results(many), breakdown: body.breakdown && !empty ? named.map((key, i) => ({ key, steps: results(2100 / (i + 1)) })) : [], rest, previous });
  };
  const funnelPeople = (body) => {
    const from = Number(body.cursor || 0);
    const all = Array.from({ length: empty ? 0 : 73 }, (_, i) => {
      const c = i % 3 === 1 ? null : people[i % people.length].contact;
      const entered = now - 36e5 * (i + 1);
      const reached = body.dropped ? body.step : Math.min(body.steps.length, body.step + (i % 3));
      return { id: `v${i}7f3a9c0d41`, visitor: `v${i}7f3a9c0d41`, key: body.key ?? "google", contact: c && { id: c.id, email: c.email, phone: c.phone, name: c.name }, entered_at: new Date(entered).toISOString(), reached_at: new Date(entered + 6e5).toISOString(), reached };
    });
    const limit = body.limit ?? 50;
    return ok({ items: all.slice(from, from + limit), next: from + limit < all.length ? String(from + limit) : "" });
  };
  const funnelTrend = (body) => {
    const days = Math.round((Date.parse(body.to) - Date.parse(body.from)) / 864e5) + 1;
    const n = body.by === "week" ? Math.ceil(days / 7) : days;
    return ok({ points: Array.from({ length: n }, (_, i) => ({ start: new Date(Date.parse(body.from) + i * (body.by === "week" ? 7 : 1) * 864e5).toISOString(), steps: body.steps.map((_, k) => ({ entered: empty ? 0 : Math.round((140 + 40 * Math.sin(i)) * 0.4 ** k), converted: 0, median_seconds: 300 * k, p90_seconds: 900 * k })) })) });
  };
  const view = (name) => ({ type: "pageview", name });
  const funnelPaths = (body) => ok(empty ? { people: 0, number: 0, paths: [] } : {
    people: 900, number: 41,
    paths: [[[], 400], [[view("/features"), view("/pricing")], 210], [[view("/blog/attribution-without-cookies"), { type: "event", name: "chat_opened" }], 90], [[view("/docs"), view("/docs/install"), view("/docs/api"), view("/pricing")], 20]].map(([path, n], i) => ({ path, longer: i === 3, people: n, median_seconds: body.dropped ? null : 60 * (i + 1) })),
  });
  const bestPaths = () => ok(empty ? { people: 0, converted: 0, number: 0, paths: [] } : {
    people: 2400, converted: 160, number: 212,
    paths: [[[view("/compare"), view("/pricing")], 140, 31], [[view("/"), view("/pricing")], 800, 96], [[view("/blog/attribution-without-cookies")], 600, 12], [[view("/careers")], 90, 0], [[view("/rare")], 2, 2]].map(([path, n, won]) => ({ path, people: n, converted: won, low: Math.max(0, won / n - 0.04), high: Math.min(1, won / n + 0.06), median_seconds: won ? 640 : null })),
  });
  const correlation = () => ok(empty ? { converted: 0, lost: 0, at_least: 10, tested: 0, more: false, features: [] } : {
    converted: 160, lost: 2240, at_least: 10, tested: 6, more: false,
    features: [["event", "watched_demo", 70, 240, 6.5, 4.6, 9.2, 1e-9], ["source", "linkedin", 60, 310, 3.7, 2.7, 5.3, 1e-6], ["pageview", "/careers", 2, 190, 0.14, 0.03, 0.56, 0.011], ["country", "DE", 50, 640, 1.14, 0.8, 1.6, 0.9], ["landing_page", "https://northwind.example/blog", 20, 330, 0.83, 0.5, 1.3, 1], ["device", "tablet", 4, 60, 0.93, 0.3, 2.6, 1]].map(([type, name, converted, lost, r, low, high, p]) => ({ type, name, converted, lost, odds_ratio: r, odds_low: low, odds_high: high, chance: p / 6, corrected_chance: p })),
  });
  const checks = (fine) => [
    { name: "Script found", ok: true, text: "The tracking code was loaded from northwind.example.", fix: "" },
    { name: "Key right", ok: true, text: "It sends the key of this workspace.", fix: "" },
    { name: "First hit", ok: fine, text: fine ? "The last page view arrived 12 seconds ago." : "No page view has arrived yet.", fix: fine ? "" : "Open your site in a private window. If nothing arrives, open it with ?sl_debug=1 and look at the browser's console." },
    { name: "Messenger on the same domain", ok: fine, text: fine ? "Chats were opened on pages that carry the tracker." : "No chat has been opened yet.", fix: fine ? "" : "Open the Messenger on a page that carries the tracking code." },
  ];
  const diagnosis = (body) => {
    const at = new Date(now).toISOString();
    const finding = (step, name, state, text, means = "", fix = "") => ({ step, name, state, text, means, fix, as_of: state === "unknown" ? null : at });
    const findings = [
      finding("token", "Access to Intercom", "ok", "Intercom accepted the token just now: it opens the workspace Northwind Support."),
      finding("tracker", "Tracker on the pages", "ok", "Heard on northwind.example; last 2 minutes ago."),
      finding("consent", "Consent", "unknown", "No page was looked at.", "", "Name a page that has the Messenger, and it is looked at."),
      finding("attribute", "Attribute sourceloop_id", "failed", "The attribute sourceloop_id is archived.", "Intercom drops the id that the tracker gives the Messenger, in silence.", "Press Test on the card: it is mended by itself."),
      finding("topics", "Topics of webhooks", "warning", "Webhooks about people have come, and none about conversations.", "Chats may not arrive, only people.", "In the Developer Hub under Webhooks, tick the topics that the README lists."),
    ];
    return { at, cause: "attribute", headline: `${findings[3].text} ${findings[3].means}`, page: body?.page ?? "", suggested_page: "https://northwind.example/contact", findings };
  };
  const ads = makeAds({ empty, now, people });
  const goals = makeGoals({ empty, now });
  const segments = makeSegments({ empty });
  const bi = makeBI({ empty, now });
  const hooks = makeHooks({ empty, now, people });
  const credits = makeCredits({ empty, now, people });
  const reports = makeReports({ people, ok, fits: (p, q) => q.getAll("filter").every((f) => matches(p.contact, f)) });
  const costs = makeCosts({ empty, now });
  let stages = [...builtIn.slice(0, 3).map((name) => ({ name, built_in: true })), { name: "Demo booked", built_in: false }, ...builtIn.slice(3).map((name) => ({ name, built_in: true }))];
  if (people.length) people[1].contact.stage = people[3].contact.stage = "Demo booked";
  const counted = (s) => (s.name === "New" ? s : { ...s, contacts: people.filter((p) => p.contact.stage === s.name).length });
  let behind = "";
  const aged = (a) => (behind ? { ...a, headers: { ...a.headers, "As-Of": behind } } : a);
  const find = (id) => people.find((p) => p.contact.id === id);
  const unknown = () => problem(404, "There is no such contact", "It may have been erased, or belong to another workspace.", "Go back to the list of contacts.");

  /** Answers one request. */
  return function answer(method, path, q, body, signedIn) {
    const route = `${method} ${path.replace("/api/v1", "")}`;
    if (route === "POST /sign-in") return body.password === "sourceloop-dev" ? ok(session, 200, { "Set-Cookie": `${cookie}; Path=/; HttpOnly` }) : problem(401, "Email or password is wrong", "No member has this email with this password.", "Check both. An Owner or Admin can set a new password.");
    if (route === "POST /sign-up") return body.token === "once" ? ok(session, 201, { "Set-Cookie": `${cookie}; Path=/; HttpOnly` }) : problem(410, "This link was used already", "A sign-up link works once and for 24 hours.", "Sign in, or ask the operator for a new link.");
    if (route === "POST /sign-out") return { status: 204, headers: { "Set-Cookie": "sourceloop-dev=; Path=/; Max-Age=0" } };
    if (!signedIn) return problem(401, "You are not signed in", "The session has ended.", "Sign in again.");
    const forGoals = goals(method, path.replace("/api/v1", ""), body, { ok, problem }) ?? segments(method, path.replace("/api/v1", ""), body, { ok });
    if (forGoals) return forGoals;
    const forHooks = hooks(method, path.replace("/api/v1", ""), body, { ok, problem }) ?? bi(method, path.replace("/api/v1", ""), body, { ok, problem }, q);
    if (forHooks) return forHooks;
    const forCredits = credits(method, path.replace("/api/v1", ""), q, { ok, problem });
    if (forCredits) return forCredits;
    const forAds = ads(method, path.replace("/api/v1", ""), q, body, { ok, problem }) ?? costs.answer(method, path.replace("/api/v1", ""), q, body, { ok, problem });
    if (forAds) return forAds;
    const merge = route.match(/^(GET|POST) \/contacts\/([^/]+)\/merges$/);
    if (merge) {
      if (!find(decodeURIComponent(merge[2]))) return unknown();
      if (merge[1] === "GET") return ok(merges);
      const [from, to] = body.apart ? [merges.merged, merges.apart] : [merges.apart, merges.merged];
      const i = from.findIndex((m) => m.contact === body.contact);
      if (i >= 0) to.push(...from.splice(i, 1));
      return ok(merges, 202);
    }
    const contact = route.match(/^(GET|PATCH) \/contacts\/([^/]+)(\/journey)?$/);
    if (contact) {
      const p = find(decodeURIComponent(contact[2]));
      if (!p) return unknown();
      if (contact[1] === "PATCH") p.contact.stage = body.stage;
      return ok(contact[3] ? p.journey : p.contact);
    }
    switch (route) {
      case "GET /session": return ok(session);
      case "GET /contacts": return aged(listContacts(q));
      case "GET /stages": return ok({ items: q.get("count") ? stages.map(counted) : stages });
      case "PUT /stages":
        for (const { name, was } of body.items) if (was) for (const p of people) if (p.contact.stage === was) p.contact.stage = name;
        stages = body.items.map(({ name }) => ({ name, built_in: builtIn.includes(name) }));
        return ok({ items: stages });
      case "GET /traffic": return aged(traffic(q));
      case "GET /attribution": return aged(attribution(q));
      case "GET /paths": return aged(reports.paths(q));
      case "GET /content": return aged(reports.content(q));
      case "GET /locations": return aged(reports.locations(q));
      case "POST /funnels/query": return aged(funnel(body));
      case "POST /funnels/matches": return ok({ items: body.steps.map((_, i) => ({ times: empty ? 0 : 9000 - 1700 * i, visitors: empty ? 0 : 4210 - 900 * i })) });
      case "POST /funnels/people": return funnelPeople(body);
      case "POST /funnels/trend": return funnelTrend(body);
      case "POST /funnels/paths": return funnelPaths(body);
      case "POST /funnels/best": return bestPaths();
      case "POST /funnels/correlation": return correlation();
      case "GET /funnels": return ok({ items: funnels });
      case "POST /funnels": {
        const made = { id: `f${funnels.length + 1}`, ...body, created_at: new Date().toISOString(), updated_at: new Date().toISOString() };
        funnels.push(made);
        return ok(made, 201);
      }
      case "GET /connections": return ok({ items: [connection] });
      case "POST /connections/intercom/test": return ok({ checks: checks(true).slice(2) });
      case "POST /connections/intercom/doctor": return ok(diagnosis(body));
      case "POST /connections/intercom/disconnect":
        Object.assign(connection, { state: "disconnected", workspace_name: "", connected_at: null });
        return ok({ clean_up: ["Remove SourceLoop under Settings, Apps, Authorised apps in Intercom.", "Archive the contact attribute sourceloop_id under Settings, Data, People."] });
      case "GET /tracking": return ok({ snippet: '<script defer src="https://sourceloop.northwind.example/sl.js" data-key="slk_7f3a9c"></script>', site_key: "slk_7f3a9c", tracker_url: "https://sourceloop.northwind.example/sl.4f1c0d6f.js", sri: "sha384-2cFQvk0c0bD6Zc0Xk8m1iJgW8w3p" });
      case "GET /tracking/verify": return ok({ checks: checks(!empty) });
      case "GET /settings": return ok(settings);
      case "POST /settings/preview": return ok(previewOf(body.rules));
      case "PUT /settings":
        if (body.version !== settings.version) return problem(409, "Somebody else saved these settings in the meantime, so nothing was saved.", "", "Load them anew and change them again.");
        settings = { ...body, version: settings.version + 1, in_force_from: new Date(Date.now() + 1e4).toISOString() };
        return ok(settings);
      case "GET /erasures": return ok({ items: erasures });
      case "POST /erasures":
        erasures.unshift({ id: erasures.length + 1, asked_at: new Date().toISOString(), hidden: false, finished: false, receipt: [] });
        return ok(erasures[0], 202);
      case "GET /keys": return ok({ items: keys });
      case "POST /keys": {
        const key = { id: `k${keys.length + 1}`, ...body, hint: "sl_Zq81", created_at: new Date().toISOString(), last_used_at: null };
        keys.unshift(key);
        return ok({ key, secret: "sl_Zq81mF0d3vYtR6uC2nXwL9aPbK4sHe7J" }, 201);
      }
      case "POST /dev/behind":
        behind = body.as_of;
        return { status: 204 };
      case "POST /dev/connection": return ok(Object.assign(connection, body));
    }
    const one = route.match(/^(PUT|DELETE) \/(funnels|keys)\/(.+)$/);
    if (one) {
      const list = one[2] === "funnels" ? funnels : keys;
      const i = list.findIndex((f) => f.id === one[3]);
      if (i < 0) return problem(404, "It is gone", "Somebody else deleted it.", "Reload the page.");
      if (one[1] === "DELETE") return list.splice(i, 1), { status: 204 };
      return ok(Object.assign(list[i], body));
    }
    return problem(404, "Nothing is at this address", path, "Check the address.");
  };
}

function sendFile(response, path) {
  const clean = normalize(path).replace(/^(\.\.[/\\])+/, "");
  let name = join(root, clean);
  if (!statSync(name, { throwIfNoEntry: false })?.isFile()) name = join(root, "index.html");
  response.writeHead(200, { "Content-Type": kinds[extname(name)] ?? "application/octet-stream", "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff" });
  response.end(readFileSync(name));
}

/** Starts a server on a port (0: any) and gives it with its address. */
export async function start({ port = 0, empty = false } = {}) {
  const api = makeApi({ empty });
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://local");
    if (!url.pathname.startsWith("/api/")) return sendFile(response, url.pathname);
    let text = "";
    for await (const chunk of request) text += chunk;
    const a = api(request.method, url.pathname, url.searchParams, !text ? undefined : request.headers["content-type"] === "text/csv" ? text : JSON.parse(text), (request.headers.cookie ?? "").includes(cookie));
    response.writeHead(a.status, { "Content-Type": a.status < 400 ? "application/json" : "application/problem+json", ...a.headers });
    response.end(a.body === undefined ? "" : JSON.stringify(a.body));
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { server, address: `http://127.0.0.1:${server.address().port}` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[process.argv.indexOf("--port") + 1]) || 5179;
  const { address } = await start({ port, empty: process.argv.includes("--empty") });
  console.log(address);
}
