// Ties the visitor to HubSpot's chat. Nothing can be put on a HubSpot visitor, so that the chat's word which conversation it
// began is what ties it; where an email is known, HubSpot gets the id as the contact property sourceloop_id as well.
import type { Chunk } from "./chunk";

const page = window as any;

let watched: any;
let told: any; // The id and email that HubSpot has.

const hubspot: Chunk = (api) => {
  // Without an email this only waits for the site's own; a placeholder would make all visitors one contact.
  const tell = (email?: string) => {
    const id = api.id();
    const queue = (page._hsq = page._hsq || []);
    if (!id || id + email == told) return;
    told = id + email;
    queue.push(["identify", email ? { email, sourceloop_id: id } : { sourceloop_id: id }]);
    api.say("sourceloop_id told to HubSpot: " + id);
    // What was identified leaves with the next page view; the first one comes by itself.
    if (email && queue.map != [].map) queue.push(["trackPageView"]);
  };
  const identify = api.identify;
  api.identify = (traits) => {
    identify(traits);
    traits.email && tell(traits.email);
  };

  const look = () => {
    const chat = page.HubSpotConversations;
    if (!chat) return setTimeout(look, 250);
    if (watched == chat) return;
    watched = chat;
    api.say("Messenger found: HubSpot chat");
    chat.on("conversationStarted", (payload: any) => {
      const { conversationId } = (payload && payload.conversation) || ({} as any);
      api.track("chat_opened", { provider: "hubspot", ...(conversationId && { conversation: conversationId + "" }) });
      api.flush();
    });
  };
  tell();
  look();
};
export default hubspot;
