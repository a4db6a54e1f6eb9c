// What is behind the made-up workspace's credits: conversions, explanations, and
// what changed since a day.
const models = ["last_touch", "first_touch", "last_non_direct", "first_non_direct", "linear", "position_based", "time_decay", "w_shaped", "full_path"];

/** What a model gives each of some sessions; an approximation of the shapes will do. */
function shares(model, sessions) {
  const n = sessions.length;
  const one = (i) => sessions.map((_, k) => (k === i ? 1 : 0));
  if (model.startsWith("first")) return one(0);
  if (model.startsWith("last")) return one(n - 1);
  if (model === "linear" || n < 3) return sessions.map(() => 1 / n);
  return sessions.map((_, k) => (k === 0 || k === n - 1 ? 0.4 : 0.2 / (n - 2)));
}

/** Answers questions about credits; undefined for other addresses. */
export function makeCredits({ now, people, empty }) {
  const idOf = (p) => p.contact.id.replace(/^../, "cc");
  const keyOf = (s, dimension) => s[dimension] || "(none)";
  const touchOf = ({ channel, source, medium, campaign, content, term, landing_page, referrer, rule, started_at, at }) => ({ channel, source, medium, campaign, content, term, landing_page, referrer, rule, at: started_at ?? at });
  const sessionsOf = (p) => (p.journey.sessions.length ? p.journey.sessions : [p.contact.last_touch]);

  const behind = (q) => {
    const model = q.get("model") ?? "last_touch";
    const found = people.flatMap((p) => {
      const list = sessionsOf(p);
      const given = shares(model, list);
      const credit = list.reduce((sum, s, i) => sum + (keyOf(s, q.get("dimension") ?? "channel") === q.get("key") && (!q.get("second_key") || keyOf(s, q.get("second_dimension")) === q.get("second_key")) ? given[i] : 0), 0);
      return credit > 0 ? [{ id: idOf(p), contact: p.contact.id, name: "intercom_conversation", at: p.contact.converted_at, value: 240, credit, credited_value: 240 * credit }] : [];
    });
    if (model === "markov" && found.length === 0) return { items: [], next: "", without_path: 0.37, without_path_value: 88.8 };
    const from = Number(q.get("cursor") || 0);
    const limit = Number(q.get("limit") || 50);
    return { items: found.slice(from, from + limit), next: from + limit < found.length ? String(from + limit) : "" };
  };

  const explanation = (p, q) => {
    const explained = (s) => ({ session: s.id, visitor: s.visitor, reason: s.reason, device: s.device, country: s.country, browser: s.browser, touch: touchOf(s) });
    const list = p.journey.sessions;
    const out = q.getAll("exclude").length > 0 && list.length > 1 ? list.slice(0, 1) : [];
    const counted = list.slice(out.length);
    const asked = [...models, ...["markov", "shapley"].filter((m) => m === q.get("model") || m === q.get("compare_model"))];
    const old = list.length > 1 ? [{ ...explained(list[0]), session: "0ld00000-0000-8000-8000-000000000000", reason: "", touch: { ...touchOf(list[0]), at: new Date(Date.parse(list[0].started_at) - 100 * 864e5).toISOString() }, left_out: "lookback" }] : [];
    return {
      id: idOf(p), contact: p.contact.id, name: "intercom_conversation", at: p.contact.converted_at, value: 240, currency: "EUR", provider: "intercom", conversation: p.contact.conversations[0].id, url: p.contact.conversations[0].url,
      known_at: p.contact.created_at, identified_at: p.contact.created_at, in_progress_at: p.contact.stage === "In Progress" ? p.contact.created_at : null,
      touches: counted.map((s, i) => ({ ...explained(s), credits: Object.fromEntries(asked.map((m) => [m, shares(m, counted)[i]])) })),
      left_out: [...old, ...out.map((s) => ({ ...explained(s), left_out: "excluded" }))],
    };
  };

  const changes = (q) => {
    const rows = [["Paid Search", 21, 19.5, { merge: -2, late_hit: 0.5 }], ["Direct", 9, 10, { merge: 1 }], ["Email", 4, 6, { conversion: 2 }], ["Organic Search", 8, 7.5, { rule_change: -0.5 }]];
    const by = q.get("dimension") ?? "channel";
    const moved = people.slice(0, 9).map((p, i) => ({ id: idOf(p), contact: p.contact.id, name: "intercom_conversation", at: p.contact.converted_at, causes: [["merge"], ["late_hit"], ["conversion", "rule_change"]][i % 3] }));
    return {
      as_of: new Date(now - 2 * 864e5).toISOString(), then: 63, now: 64, erased: 2,
      causes: [["merge", 3, -1], ["late_hit", 2, 0.5], ["conversion", 2, 2], ["rule_change", 1, -0.5]].map(([cause, conversions, change]) => ({ cause, conversions, change, value_change: change * 240 })),
      rows: rows.map(([key, then, current, by_cause]) => ({ key: by === "channel" ? key : keyOf(people[0].contact.last_touch, by), then, now: current, then_value: then * 240, now_value: current * 240, by_cause })).slice(0, by === "channel" ? 4 : 1),
      items: moved,
    };
  };

  return function answer(method, path, q, { ok, problem }) {
    if (method !== "GET") return undefined;
    if (path === "/attribution/conversions") return ok(empty ? { items: [], next: "" } : behind(q));
    if (path === "/attribution/changes") return ok(empty ? { as_of: new Date(now).toISOString(), then: 0, now: 0, erased: 0, causes: [], rows: [], items: [] } : changes(q));
    const one = path.match(/^\/conversions\/([^/]+)\/credits$/);
    if (!one) return undefined;
    const p = people.find((p) => idOf(p) === one[1]);
    return p ? ok(explanation(p, q)) : problem(404, "There is no such thing here.", "There is no such conversion in this workspace.", "Check the address.");
  };
}
