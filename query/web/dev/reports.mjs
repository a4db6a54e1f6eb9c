// Paths, pages and countries of the made-up workspace.

/** The answers about them. */
export function makeReports({ people, ok, fits }) {
  const page = (url) => (url ?? "").split("?")[0];
  const chosen = (q) => people.filter((p) => fits(p, q) && (q.get("first_only") !== "true" || p.contact.name.length % 3));
  // The days compared with had four fifths of everything, and a row that is there no more.
  const compare = (q, list, fields, gone) => {
    if ((q.get("compare") ?? "none") === "none") return ok(list);
    if (list.rows.length) list.rows.push({ ...list.rows[0], ...Object.fromEntries(fields.map((f) => [f, 0])), ...gone });
    for (const r of list.rows) for (const f of fields) r[`previous_${f}`] = Math.round((r[f] || (r === list.rows.at(-1) ? 3 : 0)) * 0.8);
    const total = list.rows.reduce((n, r) => n + r.previous_conversions, 0);
    return ok({ ...list, previous: { from: "2026-09-27", to: "2026-10-26", total, value: total * 240 } });
  };
  return {
    paths(q) {
      const by = q.get("by") ?? "channel";
      const rows = new Map();
      for (const { contact, journey } of chosen(q)) {
        let steps = journey.sessions.length ? journey.sessions.map((s) => (by === "page" ? page(s.landing_page) : s[by]) || "(none)") : [by === "page" ? "(none)" : contact.last_touch[by]];
        if (contact.name === "Ada Bergmann") steps = [...steps, ...steps, ...steps, ...steps, ...steps];
        if (q.get("repeats") !== "true") steps = steps.filter((s, i) => s !== steps[i - 1]);
        const key = steps.join("\n");
        const row = rows.get(key) ?? rows.set(key, { steps, conversions: 0, value: 0, visitors: 0 }).get(key);
        Object.assign(row, { conversions: row.conversions + 1, value: row.value + 240, visitors: row.visitors + (journey.sessions.length ? 1 : 0) });
      }
      const all = [...rows.values()].sort((a, b) => b.conversions - a.conversions);
      const total = all.reduce((n, r) => n + r.conversions, 0);
      return compare(q, { rows: all.slice(0, 100), paths: all.length, total, value: total * 240 }, ["conversions", "value", "visitors"], { steps: ["Affiliates"] });
    },
    content(q) {
      const rows = new Map();
      const row = (name) => rows.get(name) ?? rows.set(name, { page: name, entries: 0, views: 0, exits: 0, visitors: 0, conversions: 0, value: 0 }).get(name);
      for (const { contact, journey } of chosen(q)) {
        for (const s of journey.sessions) {
          const views = s.items.filter((i) => i.type === "pageview");
          row(page(s.landing_page)).entries += 11;
          row(page(views.at(-1).url)).exits += 11;
          for (const v of views) Object.assign(row(page(v.url)), { views: row(page(v.url)).views + 11, visitors: row(page(v.url)).visitors + 9 });
        }
        const credited = row(page(contact.last_touch.landing_page) || "(none)");
        Object.assign(credited, { conversions: credited.conversions + 1, value: credited.value + 240 });
      }
      const all = [...rows.values()].sort((a, b) => b.conversions - a.conversions || b.views - a.views);
      const total = all.reduce((n, r) => n + r.conversions, 0);
      return compare(q, { rows: all, pages: all.length, total, value: total * 240 }, ["entries", "views", "exits", "visitors", "conversions", "value"], { page: "https://northwind.example/summer" });
    },
    locations(q) {
      const rows = new Map();
      for (const { contact, journey } of chosen(q)) {
        const name = contact.country || "(none)";
        const row = rows.get(name) ?? rows.set(name, { country: name, visitors: 0, sessions: 0, conversions: 0, value: 0 }).get(name);
        Object.assign(row, { visitors: row.visitors + (journey.sessions.length ? 17 : 0), sessions: row.sessions + 23 * journey.sessions.length, conversions: row.conversions + 1, value: row.value + 240 });
      }
      const all = [...rows.values()].sort((a, b) => b.conversions - a.conversions);
      const total = all.reduce((n, r) => n + r.conversions, 0);
      return compare(q, { rows: all, total, value: total * 240 }, ["visitors", "sessions", "conversions", "value"], { country: "IS" });
    },
  };
}
