// Google Consent Mode: analytics_storage, as the site's consent banner tells the dataLayer. A default of "denied" means
// "not asked yet"; an update is the visitor's own answer.
import type { Chunk } from "./chunk";

const google: Chunk = (api) => {
  const page = window as any;
  const layer = (page.dataLayer = page.dataLayer || []);
  const push = layer.push;
  let answer: any;
  const read = (entry: any) => {
    const told = entry && entry[0] == "consent" && entry[2] && entry[2].analytics_storage;
    // A default for some regions says nothing about this visitor, who may be elsewhere.
    if (told && (entry[1] == "update" || (!entry[2].region && told == "granted"))) answer = told;
  };
  const tell = () => {
    if (answer) api.consent(answer);
    answer = 0;
  };
  layer.push = (...entries: any[]) => {
    const result = push.apply(layer, entries);
    entries.map(read);
    tell();
    return result;
  };
  [].map.call(layer, read);
  tell();
};
export default google;
