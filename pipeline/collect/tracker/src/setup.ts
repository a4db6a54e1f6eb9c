// Settings that must be in force before the first view: prerendering, debug mode, Do Not Track, hand-over from another domain.
import type { Chunk, Config } from "./chunk";

declare const DEBUG: string, GOOGLE: string, LINKS: string;

const doc = document as any;
const yes = (setting: any) => setting != null && setting + "" != "false";

const debugging = (config: Config) => {
  try {
    if (yes(config.debug) || /[?&]sl_debug=1/.test(location.search)) return 1;
    return sessionStorage.sl_debug;
  } catch (e) {
    // A browser that blocks storage.
  }
};

const setup: Chunk = async (api, config, load, add, send, ready) => {
  if (doc.prerendering) await new Promise((resolve) => doc.addEventListener("prerenderingchange", resolve));
  if (debugging(config)) await load(DEBUG);
  const consent = api.consent;
  if (yes(config.dnt) && navigator.doNotTrack == "1") api.consent = () => consent("denied");
  if (config.domains) config.visitor = await load(LINKS);
  ready!();
  if (config.consent == "google") load(GOOGLE);
};
export default setup;
