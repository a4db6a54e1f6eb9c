// Gives the built tracker cookies, links, storage and pages as nobody should, at random: a page must never notice, and only
// what the tracker wrote itself is believed. node --test prints the seed of a failure; SEED repeats it, FUZZ_FOR=30s goes on.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const dist = (name) => readFile(new URL(`../dist/${name}.js`, import.meta.url), "utf8");
const core = new vm.Script(await dist("core"));
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** Numbers in [0, 1) that a seed gives. */
function dice(from) {
  let s = from;
  return () => {
    s = (s * 1664525 + 1013904223) % 4294967296;
    return s / 4294967296;
  };
}

const pick = (random, list) => list[Math.floor(random() * list.length)];
const hex = (random) => Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join("");

/** Some text, more often of what the tracker looks for than of anything else. */
function text(random, parts) {
  let all = "";
  for (let n = Math.floor(random() * 7); n > 0; n--) {
    all += random() < 0.7 ? pick(random, parts) : random() < 0.2 ? hex(random) : String.fromCharCode(Math.floor(random() * (random() < 0.8 ? 128 : 0xffff)));
  }
  return all;
}

/** Repeats a check with new numbers, for as long as it is told to. */
function often(name, check) {
  test(`${name}, seed ${seed}`, async () => {
    const [, amount = 0, unit = "s"] = /^(\d+)(s|m|h)$/.exec(process.env.FUZZ_FOR) ?? [];
    const until = Date.now() + amount * { s: 1e3, m: 6e4, h: 36e5 }[unit];
    for (let n = 0; n < 500 || Date.now() < until; n++) {
      const random = dice((seed + n * 7919) % 2 ** 31);
      try {
        await check(random);
      } catch (e) {
        e.message = `SEED=${(seed + n * 7919) % 2 ** 31}: ${e.message}`;
        throw e;
      }
    }
  });
}

/** A page with a tracker in it, as far as the core looks at one. */
function page({ cookie = "", href = "https://www.shop.example/", referrer = "", title = "" }) {
  const sent = [];
  const location = new URL(href);
  let jar = cookie;
  const context = {
    location,
    document: {
      currentScript: { dataset: { key: "k" }, src: "https://loop.example/sl.js" },
      referrer,
      title,
      get cookie() {
        return jar;
      },
      set cookie(line) {
        const [pair, ...rest] = line.split(";");
        const name = pair.slice(0, pair.indexOf("="));
        jar = jar.split("; ").filter((one) => !one.startsWith(name + "=")).join("; ");
        if (!/max-age=0/.test(rest.join(";"))) jar += (jar && "; ") + pair;
      },
    },
    navigator: { sendBeacon: (_, body) => sent.push(body) },
    history: { pushState() {}, replaceState() {} },
    localStorage: {},
    sessionStorage: {},
    addEventListener() {},
    fetch: (_, { body }) => {
      sent.push(body);
      return Promise.resolve({ status: 202 });
    },
    setTimeout() {},
    crypto: globalThis.crypto,
  };
  context.window = context;
  core.runInContext(vm.createContext(context));
  return { api: context.sourceloop, sent };
}

/** What cookies of exactly our name hold. */
const own = (cookie) =>
  cookie
    .split("; ")
    .filter((one) => one.startsWith("_sl="))
    .map((one) => one.slice(4).split(";")[0]);

often("only a whole id of our own cookie is believed", (random) => {
  const cookie = text(random, ["_sl=", "; ", "_sl", "x_sl=", "-_sl=", "=", "null", "undefined", hex(random), "a".repeat(33), "é", ";", " "]);
  const { api, sent } = page({ cookie });
  const id = api.id();
  assert.match(id, /^\w{32}$/, `${JSON.stringify(cookie)} gives ${id}`);
  const whole = own(cookie).filter((value) => /^\w{32}$/.test(value));
  if (cookie.includes(id)) assert.ok(whole.includes(id), `${JSON.stringify(cookie)} gives ${id}`);
  for (const body of sent) for (const hit of JSON.parse(body)) assert.equal(hit.visitor, id);
});

often("whatever a site tells is sent as JSON, and nothing is thrown into the page", (random) => {
  const odd = () => pick(random, [undefined, null, 0, NaN, "", "__proto__", text(random, ['"', "\\", "\u2028", "\ud800", "</script>"]), [], {}, { toString: null }, Symbol("x"), () => {}, 10n]);
  const { api, sent } = page({ title: text(random, ["<", '"', "\0"]), referrer: text(random, ["https://", "javascript:", "%"]), href: `https://www.shop.example/${encodeURI(text(random, ["%", "#", "?utm_source="]).toWellFormed())}` });
  for (let n = 0; n < 4; n++) {
    api[pick(random, ["track", "identify", "consent", "flush", "getAttribution"])](odd(), odd());
  }
  api.consent("granted");
  api.flush();
  for (const body of sent) for (const hit of JSON.parse(body)) assert.match(hit.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

/** A chunk as a module of its own. */
async function chunk(name) {
  const folder = await mkdtemp(join(tmpdir(), "tracker-"));
  try {
    await writeFile(join(folder, "chunk.mjs"), await dist(name));
    return (await import(pathToFileURL(join(folder, "chunk.mjs")).href)).default;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const links = await chunk("links");

often("a visitor is handed over by a fresh link of an own domain only", (random) => {
  const now = Date.now();
  const id = hex(random);
  const time = pick(random, [now, now - 119_000, now - 121_000, now + 121_000, 0, -now, 1e300]);
  const carried = random() < 0.5 ? `${id}.${time.toString(36)}` : text(random, [id, ".", time.toString(36), "x", "%", "&_sl=", "null"]);
  const referrer = pick(random, ["https://docs.example/", "https://www.docs.example/x", "https://evildocs.example/", "https://other.example/", ""]);
  const address = `https://www.shop.example/a?b=1&_sl=${encodeURIComponent(carried.toWellFormed())}&c=%zz`;
  let shown = address;
  Object.assign(globalThis, {
    addEventListener() {},
    location: new URL(address),
    history: { state: null, replaceState: (_state, _title, to) => (shown = to) },
    document: { referrer },
  });
  const taken = links({ say() {}, id: () => undefined }, { key: "k", domains: "docs.example, shop.example" });
  const [given, when] = carried.toWellFormed().split(".");
  const fresh = when && Math.abs(now - parseInt(when, 36)) < 125_000;
  const ours = /^https:\/\/(www\.)?docs\.example\//.test(referrer);
  if (taken !== undefined) assert.ok(taken === given && /^\w{32}$/.test(taken) && fresh && ours, `${carried} from ${referrer} hands over ${taken}`);
  if (carried === `${id}.${now.toString(36)}` && ours) assert.equal(taken, id);
  if (when) assert.ok(!new URL(shown).searchParams.has("_sl"), shown);
});

const leftovers = await chunk("leftovers");

often("hits that were left over are sent, and nothing else that lies in storage", async (random) => {
  const whole = (n) => `_sl{"id":"${hex(random)}","at":${n},"type":"pageview","title":${JSON.stringify(text(random, ['"', "\\"]).toWellFormed())}}`;
  const mine = Array.from({ length: Math.floor(random() * 4) }, (_, n) => whole(1000 + n));
  const storage = {};
  for (const key of mine) storage[key] = 1;
  for (let n = Math.floor(random() * 3); n > 0; n--) storage[text(random, ["_sl", '{"id', '":', '"at":1', "}", "{seen}", "]"])] = 1;
  const theirs = Object.keys(storage).filter((key) => !mine.includes(key));
  let body;
  Object.assign(globalThis, { localStorage: storage, performance: { timing: { domLoading: 1e6 } } });
  globalThis.fetch = (_, request) => {
    body = request.body;
    return Promise.resolve({ status: 202 });
  };
  leftovers({ say() {}, id: () => "v" }, { key: "k", endpoint: "https://loop.example" });
  await new Promise(setImmediate);
  assert.equal(body === undefined ? 0 : JSON.parse(body).length, mine.length, `${JSON.stringify(Object.keys(storage))} sends ${body}`);
  for (const key of mine) assert.ok(!(key in storage), "a hit that was sent stays");
  for (const key of theirs) if (!key.startsWith('_sl{"id')) assert.ok(key in storage, `${key} is gone`);
});
