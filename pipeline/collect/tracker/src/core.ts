// The core: page views, single-page apps, queue, retry, cookie, consent. All else is in chunks that are loaded when needed.
// A browser reads it before much of the page's own, so that every byte counts: ≤ 1,400 after gzip, held by a test. Hence
// its terse style; what it does and promises is told in doc.go.
import type { Config } from "./chunk";

declare const MORE: string;

declare const window: any;
const doc = document as any;
const script = doc.currentScript;

const config: Config = { ...script.dataset, ...window.SourceLoopConfig };
// The address of the script up to the first dot of its name: an operator may have renamed folder and file.
const home = script.src.replace(/\.[^/]*$/, "");
const slot = config.cookie || "_sl";
const stores = slot != "none";
const stub = window.sourceloop || [];

let refused: any;
let visitor: any; // Known exactly while consent is given. Until then hits wait in memory.
let url: any; // Of the running page view, without its fragment.
let referrer = doc.referrer;
let clock = 0; // Time of the newest hit, in ms: no two hits of a page have the same.
let queue: string[] = []; // Hits as JSON, without their visitor.
let busy: any; // A request is under way, or its failure being waited out.
let pause = 0; // Between the last failure and the next try, in ms; 0 when all is well.

// Nothing may ever throw into the page.
const safe =
  (f: (...args: any[]) => any) =>
  (...args: any[]): any => {
    try {
      return f(...args);
    } catch (e) {
      api.say(e);
    }
  };

// Every x becomes a random hex digit.
const random = (pattern: string) => pattern.replace(/x/g, () => (crypto.getRandomValues(new Uint8Array(1))[0] & 15).toString(16));

// Only what write left there: "undefined" as somebody's id would lose all of their hits.
const read = safe(() => (doc.cookie.match(`(^|; )${slot}=(\\w{32})(;|$)`) || [])[2]);

// Tries com, example.com, www.example.com: the first that takes the cookie is the widest.
const write = safe((id?: any) => {
  stores &&
    location.hostname.split(".").some((_, i, labels) => {
      doc.cookie = `${slot}=${id};path=/;max-age=${id ? 3456e4 : 0};samesite=lax;domain=${labels.slice(~i).join(".")}`;
      return read() == id;
    });
});

const send = safe((leaving?: any) => {
  if (!visitor || !queue[0] || (busy && !leaving)) return;
  const hits = queue;
  const body = `[${hits.map((hit) => `{"visitor":"${visitor}",` + hit.slice(1))}]`;
  const target = `${config.endpoint || home + "/.."}/sl/hits?key=${config.key}&t=${Date.now()}`;
  // Every unsent hit is a key of its own in localStorage, so that tabs need no lock. A hit sent twice counts once.
  const keep = safe((sent?: any) => {
    for (const hit of hits) sent ? delete localStorage[slot + hit] : stores && (localStorage[slot + hit] = 1);
  });
  keep();
  queue = [];
  if (leaving) return navigator.sendBeacon(target, body) && !pause && keep(1);
  busy = 1;
  fetch(target, { method: "POST", body, keepalive: !body[6e4] })
    .then((answer) => {
      if (/429|5../.test(answer.status as any)) throw 0;
      pause = 0;
      keep(1);
    })
    .catch(() => {
      visitor && queue.push(...hits);
      pause = Math.min(pause * 2 || 1e3, 6e4);
    })
    .then(() => setTimeout(() => send((busy = 0)), pause));
});

const add = safe((type: string, more: any, now?: any) => {
  if (refused || queue[99]) return;
  clock = Math.max(clock + 1, Date.now());
  queue.push(
    JSON.stringify({
      id: random(`0${clock.toString(16)}-7xxx-8xxx-xxxxxxxxxxxx`).replace(/.{8}/, "$&-"),
      at: clock,
      type,
      url,
      tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
      ...more,
    }),
  );
  now || queue[19] ? send() : setTimeout(send, 1500);
});

const view = safe(() => {
  const next = location.href.split("#")[0];
  if (refused || next == url) return;
  api.turn();
  url = next;
  add("pageview", { title: doc.title, referrer }, 1);
  referrer = url;
});

const load = (hash: string, begin?: any): any =>
  import(`${home}.${hash}.js`).then((chunk) => chunk.default(api, config, load, add, send, begin)).catch(api.say);

const api: any = {
  id: () => visitor,
  track: (name: string, properties: any) => add("event", { name, properties }),
  turn() {},
  say() {},
  getAttribution: () => load(MORE),
  flush: send,
  consent: safe((answer: string, ads: any) => {
    api.told = ads;
    if ((refused = (navigator as any).globalPrivacyControl || answer != "granted")) {
      visitor = url = write();
      queue = [];
      for (const key in localStorage) key.indexOf(slot + "{") || delete localStorage[key];
    } else if (!visitor) {
      write((visitor = config.visitor || (stores && read()) || random("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")));
      load(MORE);
      view();
      send();
    }
  }),
  identify: (traits: any) => add("identify", { traits }),
};

const ready = safe(() => {
  view();
  ["pushState", "replaceState"].map((method) => {
    const original = (history as any)[method];
    (history as any)[method] = (...args: any[]) => view(original.apply(history, args));
  });
  addEventListener("pagehide", send);
  addEventListener("popstate", view);
  config.consent || stub.told || api.consent("granted");
  stub.map((call: any) => call(api));
});

if (stub.map) {
  window.sourceloop = api;
  doc.prerendering || Object.keys(config)[1] || /sl_debug/.test(location.search) || safe(() => sessionStorage.sl_debug)() 
    ? load(MORE, ready)
    : ready();
}
