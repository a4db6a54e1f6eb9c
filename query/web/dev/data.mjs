// A made-up workspace for developing and testing the dashboard: a few dozen
// contacts with journeys, the same at every start. Not part of the binary.

const minute = 60_000;
const day = 24 * 60 * minute;

/** A generator of numbers in [0, 1) that is the same at every start. */
function dice(seed) {
  let s = seed;
  return () => {
    s = (s * 1664525 + 1013904223) % 4294967296;
    return s / 4294967296;
  };
}

const sources = [
  { channel: "Paid Search", source: "google", medium: "cpc", campaign: "brand-eu", content: "headline-b", term: "lead source", referrer: "https://www.google.com/", rule: "paid click id gclid", click: "gclid=Cj0KCQiA-fake-7Yt" },
  { channel: "Organic Search", source: "google", medium: "organic", referrer: "https://www.google.com/", rule: "referrer: search engine" },
  { channel: "Direct", source: "direct", medium: "", rule: "no source" },
  { channel: "Paid Social", source: "linkedin", medium: "cpc", campaign: "q4-founders", content: "video-15s", referrer: "https://www.linkedin.com/", rule: "paid click id li_fat_id", click: "li_fat_id=3f2c9a" },
  { channel: "AI Assistant", source: "chatgpt.com", medium: "ai-assistant", referrer: "https://chatgpt.com/", rule: "referrer: AI assistant" },
  { channel: "Email", source: "newsletter", medium: "email", campaign: "november-digest", rule: "utm_medium is email" },
  { channel: "Referral", source: "news.ycombinator.com", medium: "referral", referrer: "https://news.ycombinator.com/item?id=1", rule: "referrer: other site" },
];

const pages = [
  ["/", "Northwind – Freight without phone calls"],
  ["/pricing", "Pricing"],
  ["/features/tracking", "Live tracking"],
  ["/customers", "Customers"],
  ["/blog/customs-checklist", "The customs checklist for 2027"],
  ["/docs/getting-started", "Getting started"],
  ["/contact", "Talk to us"],
];

const people = ["Ada Bergmann", "Joris de Wit", "Priya Raman", "Tomás Ibarra", "Mei-Ling Chow", "Hanne Solberg", "Oliver Nkemelu", "Sofia Rinaldi", "Yusuf Demir", "Claire Fontaine", "Bartosz Wójcik", "Emily Carter"];
const firms = ["kettle.example", "brightfield.example", "haus-am-see.example", "porto.example", "meridian.example"];
const devices = ["desktop", "desktop", "mobile", "tablet"];
const countries = ["DE", "US", "GB", "NL", "FR", "NO"];
const browsers = ["Chrome", "Safari", "Firefox", "Edge"];
const stages = ["New", "Contacted", "In Progress", "Converted", "Lost"];

const hex = (random, n) => Array.from({ length: n }, () => Math.floor(random() * 16).toString(16)).join("");
const uuid = (random) => `${hex(random, 8)}-${hex(random, 4)}-8${hex(random, 3)}-9${hex(random, 3)}-${hex(random, 12)}`;
const pick = (random, list) => list[Math.floor(random() * list.length)];
const iso = (ms) => new Date(ms).toISOString();

function touchOf(s, at, landing) {
  return { channel: s.channel, source: s.source, medium: s.medium, campaign: s.campaign ?? "", content: s.content ?? "", term: s.term ?? "", landing_page: landing, referrer: s.referrer ?? "", rule: s.rule, at: iso(at) };
}

function landingOf(s, path) {
  const q = s.campaign ? `?utm_source=${s.source}&utm_medium=${s.medium}&utm_campaign=${s.campaign}` : "";
  return `https://northwind.example${path}${q}`;
}

function sessionOf(random, { visitor, at, source, reason, place }) {
  const [path] = pick(random, pages.slice(0, 5));
  const landing = landingOf(source, path);
  const items = [];
  let now = at;
  if (source.click) items.push({ at: iso(now), type: "ad_click", url: landing, title: "", name: "", click_id: source.click });
  for (let i = 0, n = 1 + Math.floor(random() * 4); i < n; i++) {
    const [p, title] = i === 0 ? pages.find(([one]) => one === path) : pick(random, pages);
    items.push({ at: iso(now), type: "pageview", url: i === 0 ? landing : `https://northwind.example${p}`, title, name: "", click_id: "" });
    now += Math.floor((0.3 + random() * 4) * minute);
  }
  const end = items.at(-1).at;
  return { id: uuid(random), visitor, started_at: iso(at), ended_at: end, reason, ...touchOf(source, at, landing), list: 1, ...place, items };
}

/** One contact with its journey. */
function person(random, i, now) {
  const name = i % 7 === 5 ? "" : people[i % people.length];
  const email = `${(name || "someone").toLowerCase().normalize("NFD").replace(/[^a-z]+/g, ".")}${i}@${pick(random, firms)}`;
  const converted = now - Math.floor((i * 0.7 + random() * 0.5) * day) - 2 * minute;
  const place = { device: pick(random, devices), country: pick(random, countries), browser: pick(random, browsers) };
  const visitor = hex(random, 32);
  const n = 1 + Math.floor(random() * 4);
  const sessions = Array.from({ length: n }, (_, k) => {
    const at = converted - Math.floor((n - 1 - k) * (0.4 + random()) * 3 * day) - 9 * minute;
    return sessionOf(random, { visitor, at, source: pick(random, sources), reason: k === 0 ? "first_hit" : pick(random, ["timeout", "attribution", "midnight"]), place });
  });
  const last = sessions.at(-1);
  const talk = { provider: "intercom", id: String(215460000 + i), at: iso(converted), url: `https://app.intercom.com/a/inbox/northwind/conversation/${215460000 + i}`, message: "Hi! Do you also clear customs for shipments from Norway, and what does it cost?", state: pick(random, ["open", "closed"]) };
  last.items.push({ at: iso(converted - 20_000), type: "event", url: last.landing_page, title: "", name: "chat_opened", click_id: "" });
  last.items.push({ at: talk.at, type: "conversation", url: talk.url, title: talk.message, name: "intercom_conversation", click_id: "", conversation: talk.id });
  last.ended_at = talk.at;
  const views = sessions.flatMap((s) => s.items).filter((it) => it.type === "pageview").length;
  const seconds = sessions.reduce((sum, s) => sum + (Date.parse(s.ended_at) - Date.parse(s.started_at)) / 1000, 0);
  return {
    journey: { sessions },
    contact: {
      id: uuid(random), email, phone: i % 5 === 0 ? "+4930901820" + (10 + i) : "", name, emails: [email], phones: [], stage: pick(random, stages),
      created_at: iso(converted + 4_000), converted_at: talk.at,
      first_touch: touch(sessions[0]), last_touch: touch(last),
      referrer_chain: [...new Set(sessions.map((s) => s.referrer).filter(Boolean))],
      pages_before: views, seconds_on_site: seconds, return_visits: n - 1, ...place,
      conversations: [talk],
      evidence: [
        { node: `email:${email}`, method: "intercom", evidence: `intercom conversation ${talk.id}`, verified: true, at: iso(converted + 4_000) },
        { node: `visitor:${visitor}`, method: "sourceloop_id", evidence: `intercom conversation ${talk.id}`, verified: false, at: iso(converted + 4_000) },
      ],
    },
  };
}

function touch(s) {
  const { channel, source, medium, campaign, content, term, landing_page, referrer, rule, at } = s;
  return { channel, source, medium, campaign, content, term, landing_page, referrer, rule, at };
}

/** Somebody who put markup and a script address wherever a visitor can put text. */
function hostile(random, now) {
  const p = person(random, 2, now - 40 * minute);
  const bad = '<img src=x onerror="document.title=1">';
  p.contact.name = bad;
  p.contact.first_touch.campaign = bad;
  p.contact.last_touch.campaign = "=HYPERLINK(\"https://bad.example\")";
  p.contact.last_touch.landing_page = "javascript:alert(1)";
  p.contact.last_touch.term = "\u202eexe.gpj\u200b";
  p.journey.sessions[0].items[0].title = "\u202eexe.gpj";
  p.contact.referrer_chain = ["javascript:alert(1)", "https://ok.example/"];
  p.contact.conversations[0].url = "javascript:alert(1)";
  p.contact.conversations[0].message = bad;
  return p;
}

/** A conversation that began by email: a contact without any visit. */
function letter(random, now) {
  const p = person(random, 9, now - 3 * 60 * minute);
  const at = p.contact.converted_at;
  const direct = { channel: "Direct", source: "direct", medium: "", campaign: "", content: "", term: "", landing_page: "", referrer: "", rule: "no visitor", at };
  Object.assign(p.contact, { first_touch: direct, last_touch: direct, referrer_chain: [], pages_before: 0, seconds_on_site: 0, return_visits: 0, device: "", country: "", browser: "" });
  p.contact.evidence = p.contact.evidence.slice(0, 1);
  p.journey = { sessions: [] };
  return p;
}

/** All contacts with their journeys, newest conversion first. */
export function makePeople(now) {
  const random = dice(7);
  const all = Array.from({ length: 64 }, (_, i) => person(random, i, now));
  all.push(hostile(random, now), letter(random, now));
  return all.sort((a, b) => (a.contact.converted_at < b.contact.converted_at ? 1 : -1));
}

export { stages };
