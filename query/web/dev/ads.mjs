// The made-up workspace's advertising platforms: destinations and what became
// of each conversion, in every state and with every kind of trouble.

const iso = (ms) => new Date(ms).toISOString();
const states = ["pending", "sent", "pending_identity", "skipped_consent", "duplicate", "error"];

const troubles = [
  ["sent", "sent", "", ""],
  ["sent", "sent", "", ""],
  ["error", "refused", "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND", "Google Ads does not know this ad click, so it counted nothing. The click may belong to another Google Ads account than 123-456-7890. Check that the account whose ads lead to your site is the one of this destination."],
  ["pending", "later", "429", "Google Ads asked to wait, since too much was sent at once. Nothing is lost; it is tried again by itself."],
  ["pending_identity", "no_identity", "", ""],
  ["skipped_consent", "no_consent", "", ""],
  ["duplicate", "duplicate", "PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID", "Google Ads had this conversion already. It counts once."],
  ["error", "unclear", "", "LinkedIn gave no answer, so this may have arrived or not. It was not repeated, since LinkedIn would count it twice. Look into Campaign Manager, and send it again only if it is missing."],
];

/** The cards with their destinations, and the pushes. */
export function makeAds({ empty, now, people }) {
  const destination = (id, platform, more) => ({
    id, platform, name: "Chats", account: "", action: "", conversions: [], trigger: "conversion", value: { kind: "none" }, consent: "not_denied", dry_run: false, paused: false,
    from: iso(now - 30 * 864e5), created_at: iso(now - 30 * 864e5), counts: {}, ...more,
  });
  const destinations = empty ? [] : [
    destination("d1", "google", { account: "123-456-7890", action: "7001001", action_name: "Chat started", value: { kind: "fixed", fixed: 40, currency: "EUR" } }),
    destination("d2", "google", { name: "Qualified chats", account: "123-456-7890", action: "7001002", action_name: "Qualified chat", trigger: "stage", stage: "Converted", value: { kind: "stage", by_stage: { Converted: 400 }, currency: "EUR" }, paused: true }),
    destination("d3", "meta", { name: "Leads", action: "1029384756102938", event: "Lead", test_code: "TEST4711", consent: "granted" }),
  ];
  const card = (platform, name, how, more) => ({ platform, name, how, state: "disconnected", account_name: "", connected_at: null, last_error: "", connect_url: how === "oauth" ? `/connect/${platform}/start` : "", unavailable: "", clean_up: [], destinations: [], ...more });
  const cards = [
    card("google", "Google Ads", "oauth", empty ? {} : { state: "connected", account_name: "ads@northwind.example", connected_at: iso(now - 9e8), clean_up: ["At myaccount.google.com/permissions: remove SourceLoop if it is still listed."] }),
    card("meta", "Meta", "token", empty ? {} : { state: "error", account_name: "Northwind Freight", connected_at: iso(now - 9e8), last_error: "Meta no longer accepts the access token. Nothing is sent and nothing is lost. Make a new token in the Events Manager, and paste it here.", clean_up: ["In Meta’s Business settings under System users: remove the token."] }),
    card("linkedin", "LinkedIn", "oauth", {}),
  ];
  const pushes = [];
  const hex = (n) => n.toString(16).padStart(12, "0");
  if (!empty) {
    people.slice(0, 40).forEach((p, i) => {
      for (const d of destinations) {
        const [state, outcome, code, words] = troubles[(i + (d.id === "d2" ? 3 : 0)) % troubles.length];
        if (d.id === "d2" && (i % 5 || i === 35)) continue;
        const tried = outcome.startsWith("no_") ? 0 : state === "pending" ? 3 : 1;
        const at = p.contact.converted_at;
        pushes.push({
          id: `5d1f0c2e-7a10-8c3e-9c27-${hex(pushes.length + 1)}`, destination: d.id, destination_name: d.name, platform: d.platform, conversion: `6d1f0c2e-7a10-8c3e-9c27-${hex(i + 1)}`, conversion_name: "intercom_conversation",
          contact: p.contact.id, contact_name: p.contact.name || p.contact.email, at, stage: d.stage ?? "", state, words, code, attempts: tried, due_at: state === "pending" ? iso(now + 6e5) : null,
          note: state === "sent" && i % 16 === 8 ? "The merge that gave this conversation its ad click was undone since. Google Ads cannot take it back through its interface; look for the id there." : "", updated_at: iso(Date.parse(at) + 9e4),
          history: Array.from({ length: tried }, (_, k) => ({ at: iso(Date.parse(at) + (k + 1) * 3e4), outcome, code, words })),
        });
      }
    });
  }
  const count = () => {
    for (const d of destinations) d.counts = Object.fromEntries(states.map((s) => [s, pushes.filter((p) => p.destination === d.id && p.state === s).length]));
    for (const c of cards) c.destinations = destinations.filter((d) => d.platform === c.platform);
  };
  const again = (p) => p.state === "error" && Object.assign(p, { state: "pending", words: "", due_at: iso(Date.now()), updated_at: iso(Date.now()) });

  /** Answers what is about ads; undefined for anything else. */
  return function answer(method, path, q, body, { ok, problem }) {
    count();
    const route = `${method} ${path}`;
    const gone = () => problem(404, "There is no such thing here.", "It may have been deleted.", "Go back to the ad platforms.");
    const plain = ({ history, ...p }) => p;
    if (route === "GET /ads") return ok({ items: cards });
    if (route === "POST /dev/ads") return ok(Object.assign(cards.find((c) => c.platform === body.platform), body));
    if (route === "GET /destinations") return ok({ items: destinations });
    if (route === "POST /destinations") {
      const made = destination(`d${destinations.length + 1}`, body.platform, body);
      destinations.push(made);
      count();
      return ok(made, 201);
    }
    if (route === "GET /pushes") {
      const found = pushes.filter((p) => (!q.get("destination") || p.destination === q.get("destination")) && (!q.get("contact") || p.contact === q.get("contact")) && (!q.get("state") || p.state === q.get("state")));
      const from = Number(q.get("cursor") || 0);
      const limit = Number(q.get("limit") || 50);
      return ok({ items: found.slice(from, from + limit).map(plain), next: from + limit < found.length ? String(from + limit) : "" });
    }
    const one = path.match(/^\/(ads|connections|destinations|pushes)\/([^/]+)(?:\/(\w+))?$/);
    if (!one) return undefined;
    const [, kind, id, verb] = one;
    const c = cards.find((x) => x.platform === id);
    if (kind === "connections" && !c) return undefined;
    if (kind === "ads" && verb === "token") {
      if (body.token.length < 8) return problem(400, "The request was not understood.", "Meta does not accept this access token.", "Copy the whole token from the Events Manager, and paste it again.");
      return ok(Object.assign(c, { state: "connected", last_error: "", account_name: "Northwind Freight", connected_at: iso(Date.now()) }));
    }
    if (kind === "ads" && verb === "targets") return q.get("account") === "512345678" ? ok({ listed: true, items: [{ id: "8001001", name: "Chat started", active: true }, { id: "8001003", name: "Of last year", active: false }] }) : problem(404, "There is no such thing here.", "LinkedIn knows no ad account with this number that you may use.", "Compare it with Campaign Manager.");
    if (kind === "connections" && verb === "test") return ok({ checks: [{ name: `${c.name} answers`, ok: c.state === "connected", text: c.state === "connected" ? "The access works." : c.last_error, fix: c.state === "connected" ? "" : "Paste a new token." }] });
    if (kind === "connections" && verb === "disconnect") {
      Object.assign(c, { state: "disconnected", account_name: "", connected_at: null, last_error: "" });
      for (const p of pushes) if (p.platform === id && p.state === "pending") Object.assign(p, { state: "error", words: `Cancelled: ${c.name} was disconnected.`, due_at: null });
      return ok({ clean_up: c.clean_up });
    }
    if (kind === "destinations") {
      const d = destinations.find((x) => x.id === id);
      if (!d) return gone();
      if (verb === "retry") return ok({ pushes: pushes.filter((p) => p.destination === id && again(p)).length });
      if (method === "DELETE") return destinations.splice(destinations.indexOf(d), 1), { status: 204 };
      return ok(method === "PUT" ? Object.assign(d, body) : d);
    }
    if (kind === "pushes") {
      const p = pushes.find((x) => x.id === id);
      if (!p) return gone();
      if (verb === "retry") again(p);
      return ok(p);
    }
    return undefined;
  };
}
