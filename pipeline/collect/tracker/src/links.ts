// One visitor across the owner's own domains: links between them carry `_sl=id.time`, good for two minutes.
import type { Chunk } from "./chunk";

const links: Chunk = (api, config) => {
  const domains = (config.domains + "").split(/[\s,]+/);
  const ours = (host: string) => domains.some((domain) => host == domain || host.endsWith("." + domain));

  const decorate = (event: Event) => {
    const link: any = event.composedPath().find((node: any) => node.host && node.href);
    const id = api.id();
    if (!id || !link || link.host == location.host || !ours(link.hostname)) return;
    const url = new URL(link.href);
    url.searchParams.set("_sl", id + "." + Date.now().toString(36));
    link.href = url.href;
    api.say("link carries the visitor to " + link.host);
  };
  for (const event of ["mousedown", "touchstart", "click"]) addEventListener(event, decorate, true);

  const handed = new URL(location.href);
  const [id, time] = (handed.searchParams.get("_sl") || "").split(".");
  if (!time) return;
  handed.searchParams.delete("_sl");
  history.replaceState(history.state, "", handed.href);
  const age = Date.now() - parseInt(time, 36);
  const from = document.referrer && new URL(document.referrer).hostname;
  const good = /^\w{32}$/.test(id) && age > -12e4 && age < 12e4 && ours(from);
  api.say(good ? "visitor handed over by " + from : "visitor not taken over: link too old, or from a foreign site");
  if (good) return id;
};
export default links;
