// Ties the visitor to Intercom's chat: the Messenger gets the id as the contact attribute sourceloop_id, and "chat opened"
// becomes an event.
import type { Chunk } from "./chunk";

const page = window as any;

/** Intercom throttles a page that updates more than 20 times in 30 minutes; the site needs some of these itself. */
const mostPushes = 10;

let watched: any; // The Messenger's function as this page sees it: its own calls go through to the Messenger.
let pushed: any; // The id that the Messenger has.
let pushes = 0;
let listening: any;
let shown = 0;

const chat: Chunk = (api) => {
  const push = (messenger: any) => {
    const id = api.id();
    if (!id || id == pushed || ++pushes > mostPushes) return;
    messenger("update", { sourceloop_id: (pushed = id) });
    api.say("sourceloop_id pushed to Intercom: " + id);
    if (listening) return;
    listening = 1;
    messenger("onShow", () => {
      // A Messenger that was shut down and booted again may tell both of its listeners.
      if (Date.now() - shown > 1e3) api.track("chat_opened", { provider: "intercom" });
      shown = Date.now();
    });
    messenger("onUserEmailSupplied", () => api.say("the visitor gave Intercom an email"));
  };

  // A boot begins with a blank visitor, so that it needs the id again.
  const watch = (messenger: any) =>
    new Proxy(messenger, {
      apply(target, self, args) {
        const result = target.apply(self, args);
        if (args[0] == "shutdown") listening = 0;
        if (args[0] == "boot") {
          pushed = 0;
          push(target);
        }
        return result;
      },
    });

  // The site's snippet leaves a stub, which the Messenger replaces: look again, lightly.
  const look = () => {
    if (page.Intercom && page.Intercom != watched) {
      watched || api.say("Messenger found: Intercom");
      page.Intercom = watched = watch(page.Intercom);
    }
    if (watched) {
      push(watched);
      // A stub that stays one: the Messenger's own script never came.
      api.chat = watched.q && !watched.booted ? "stub" : pushed ? "pushed" : "throttled";
    }
    setTimeout(look, 250);
  };
  look();
};
export default chat;
