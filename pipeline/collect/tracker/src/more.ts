// What every page needs once consent is given, though not in its first milliseconds: how long a view is looked at, hits left
// over from earlier pages, the chat, first and last touch. Pages with settings pass through here to have them read.
import { type Add, type Api, type Chunk, old } from "./chunk";

declare const ADS: string, CHAT: string, HUBSPOT: string, LEFTOVERS: string, SETUP: string, SNAPSHOT: string;

const page = window as any;
const doc = document as any;
const watch = (api: Api, add: Add, send: (leaving?: 1) => void) => {
  let since: number;
  const look = () => (since = doc.hidden ? 0 : Date.now());
  const leave = () => since && add("leave", { properties: { engaged_ms: Date.now() - since, chat: api.chat } });
  api.turn = () => {
    leave();
    look();
  };
  const hide = () => {
    leave();
    since = 0;
    send(1);
  };
  look();
  addEventListener("pagehide", hide, true); // Before the core sends what waits.
  doc.addEventListener("visibilitychange", () => (doc.hidden ? hide() : look()));
  addEventListener("pageshow", (e) => {
    look();
    if (e.persisted) add("pageview", { referrer: "", title: doc.title }, 1);
  });
};

let attending: any;

const more: Chunk = (api, config, load, add, send, ready) => {
  if (ready) return load(SETUP, ready);
  if (!api.id()) return;
  if (!attending) {
    attending = 1;
    watch(api, add, send);
    const find = (there: () => any, hash: string) => (there() ? load(hash) : setTimeout(find, 1e3, there, hash));
    load(ADS);
    find(() => page.Intercom, CHAT);
    find(() => page._hsq || page.HubSpotConversations, HUBSPOT);
    try {
      if (Object.keys(localStorage).some((key) => old(config, key))) load(LEFTOVERS);
    } catch (e) {
      // A browser that blocks storage.
    }
  }
  return load(SNAPSHOT);
};
export default more;
