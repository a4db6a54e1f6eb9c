// Debug mode: every decision of the tracker in the console, in words.
import type { Api, Chunk, Config } from "./chunk";

const ours = /\/sl\/hits\?key=/;
const words = (body: any) => JSON.parse(body).map((hit: any) => `${hit.type} ${hit.name || hit.url}`).join(", ");

/** Listens to what leaves for the collector and to what it answers. */
const listen = (say: (what: string) => void) => {
  const page = window as any;
  const fetch = page.fetch;
  page.fetch = (...args: any[]) => {
    const answer = fetch.apply(page, args);
    if (ours.test(args[0])) {
      say("hit sent: " + words(args[1].body));
      answer.then(
        (a: any) => a.clone().text().then((text: string) => say(`answer ${a.status} ${text}`)),
        (e: any) => say(`not delivered, kept for the next try: ${e}`),
      );
    }
    return answer;
  };
  const nav = navigator as any;
  const beacon = nav.sendBeacon;
  nav.sendBeacon = (url: string, body: string) => {
    if (ours.test(url)) say("beacon sent: " + words(body));
    return beacon.call(nav, url, body);
  };
};

const debug: Chunk = (api, config) => {
  const say = (api.say = (what: any) => console.log("[SourceLoop] " + what));
  say(`tracker loaded: key ${config.key}, endpoint ${config.endpoint || new URL(".", import.meta.url)}, consent ${config.consent || "not required"}`);
  listen(say);
  const consent = api.consent;
  api.consent = (answer, ads) => {
    consent(answer, ads);
    say(api.id() ? "consent granted, visitor " + api.id() : `consent refused (${(navigator as any).globalPrivacyControl ? "GPC" : answer}): nothing is sent or kept`);
    try {
      // Debug mode stays for the tab.
      if (api.id() && config.cookie != "none") sessionStorage.sl_debug = 1;
    } catch (e) {
      // A browser that blocks storage: ask again with ?sl_debug=1.
    }
  };
};
export default debug;
