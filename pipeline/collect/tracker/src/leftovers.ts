// Hits that earlier pages could not send: every one is a key of its own in localStorage, put there by the core.
import { type Chunk, old } from "./chunk";

/** Sends what earlier pages could not: at most 100 hits, the oldest; what is beyond them is given up. */
const leftovers: Chunk = (api, config) => {
  const slot = config.cookie || "_sl";
  const keys = Object.keys(localStorage)
    .filter((key) => old(config, key))
    .sort();
  const forget = (all: string[]) => all.map((key) => delete localStorage[key]);
  forget(keys.splice(100));
  if (!keys[0]) return;
  const target = config.endpoint ? config.endpoint + "/sl/hits" : new URL("sl/hits", import.meta.url);
  const hits = keys.map((key) => `{"visitor":"${api.id()}",` + key.slice(slot.length + 1));
  fetch(`${target}?key=${config.key}&t=${Date.now()}`, { method: "POST", body: `[${hits}]` })
    .then((answer) => /429|5../.test(answer.status as any) || forget(keys))
    .catch(api.say);
};
export default leftovers;
