// What the site's own ad tags know, for conversions that go back to the platforms: consent to the use of data for advertising,
// Meta's cookies _fbp and _fbc, LinkedIn's li_fat_id. None of them is ever set here.
import type { Chunk } from "./chunk";

const page = window as any;
const keys = ["ad_user_data", "ad_storage"];

const words: any = {}; // What the dataLayer says of each key,
const updated: any = {}; // and whether that is the visitor's answer.
let layer: any;
let told: any;

// A page does not know where its visitor is: a default of "denied" counts for everybody, one of "granted" only when it is not
// for some regions.
const read = (entry: any) => {
  if (!entry || entry[0] != "consent" || !entry[2]) return;
  const update = entry[1] == "update";
  for (const key of keys) {
    const word = entry[2][key];
    if (word && (update || (!updated[key] && (word == "denied" || (!words[key] && !entry[2].region))))) words[key] = word;
    if (word && update) updated[key] = 1;
  }
};

const ads: Chunk = (api, config, load, add) => {
  const look = () => {
    const id = api.id();
    if (!id) return;
    let jar = "";
    try {
      jar = document.cookie;
    } catch (e) {
      // A browser that blocks storage.
    }
    const all = keys.map((key) => words[key]);
    // The site's own word outranks the dataLayer.
    const ad_consent = api.told || ["denied", "granted"].find((word) => all.includes(word));
    const cookie = (name: string) =>
      ad_consent == "denied" ? undefined : (jar.match(`(?:^|; )${name}=([^;]+)`) || [])[1];
    const hit = { ad_consent, fbp: cookie("_fbp"), fbc: cookie("_fbc"), li_fat_id: cookie("li_fat_id") };
    const text = JSON.stringify(hit);
    if (text == "{}" || told == id + text) return;
    told = id + text;
    add("ads", hit, 1);
    api.say("ad tags know: " + text);
  };
  const watch = () => {
    if (page.dataLayer && page.dataLayer != layer && page.dataLayer.push) {
      layer = page.dataLayer;
      const push = layer.push;
      layer.push = (...entries: any[]) => {
        const result = push.apply(layer, entries);
        entries.map(read);
        look();
        return result;
      };
      [].map.call(layer, read);
    }
    look();
    setTimeout(watch, 1e3);
  };
  watch();
  addEventListener("pageshow", (e) => {
    if (e.persisted) told = 0;
  });
};
export default ads;
