// First and last touch as this browser saw them, for forms and tag managers: window.SourceLoopData and getAttribution().
// Which channel a touch belongs to is decided by the server; these are the bare facts of the URL.
import type { Chunk } from "./chunk";

const wanted =
  /^(utm_(source|medium|campaign|content|term)|(g|d|ms|fb|tt|tw|y)clid|[gw]braid|gad_source|li_fat_id|rdt_cid|epik|ScCid|mc_cid)$/;

/** The touch that this page load is, or undefined when it only goes on with the visit. */
const landing = (first: boolean) => {
  const referrer = document.referrer;
  const touch: any = { at: Date.now(), landing_page: location.href.split("#")[0], referrer };
  let begins: any = first || (referrer && new URL(referrer).host != location.host);
  new URLSearchParams(location.search).forEach((value, name) => {
    if (wanted.test(name)) begins = touch[name] = value;
  });
  return begins && Object.freeze(touch);
};

let seen: any;
let data: any;

const snapshot: Chunk = (api, config) => {
  const slot = (config.cookie || "_sl") + "{seen}";
  const stores = config.cookie != "none";
  const visitor = api.id();
  if (!data || data.visitor != visitor) {
    try {
      seen = stores && JSON.parse(localStorage[slot]);
    } catch (e) {
      // Nothing kept yet, or a browser that blocks storage.
    }
    seen = seen || {};
    const last = landing(!seen.first);
    if (last) seen = { first: seen.first || last, last };
    data = Object.freeze({ visitor, ...seen });
    Object.defineProperty(window, "SourceLoopData", { get: () => (api.id() ? data : undefined), configurable: true });
    try {
      if (stores) localStorage[slot] = JSON.stringify(seen);
    } catch (e) {
      // Then it is known for as long as the page lives.
    }
  }
  return data;
};
export default snapshot;
