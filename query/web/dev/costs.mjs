// What ads cost in the made-up workspace. A line with the word "bad" is one
// that is refused.
const channels = { google: "Paid Search", linkedin: "Paid Social", facebook: "Paid Social" };

/** The answers about ad cost. */
export function makeCosts({ empty, now }) {
  let rows = [];
  const day = (back) => new Date(now - back * 864e5).toISOString().slice(0, 10);
  if (!empty) {
    for (let i = 1; i < 29; i++) {
      rows.push({ day: day(i), source: "google", medium: "cpc", campaign: "brand-eu", cost: 31.5 + i, clicks: 40 + i, impressions: 900 });
      rows.push({ day: day(i), source: "linkedin", medium: "cpc", campaign: "q4-founders", cost: 58.25, clicks: 12, impressions: 2100 });
      rows.push({ day: day(i), source: "facebook", medium: "cpc", campaign: "autumn-sale", cost: 12, clicks: 9, impressions: 800 });
    }
  }
  const sum = (list, name) => list.reduce((a, r) => a + r[name], 0);
  const value = (dimension, r) => (dimension === "channel" ? channels[r.source] ?? "Paid Search" : r[dimension] || "(none)");
  const months = () => {
    const groups = new Map();
    for (const r of rows) {
      const key = `${r.day.slice(0, 7)} ${r.source} ${r.medium}`;
      groups.set(key, [...(groups.get(key) ?? []), r]);
    }
    return [...groups.values()].map((g) => ({
      month: g[0].day.slice(0, 7), source: g[0].source, medium: g[0].medium, from: g.map((r) => r.day).sort()[0], to: g.map((r) => r.day).sort().at(-1), entries: g.length,
      campaigns: new Set(g.map((r) => r.campaign)).size, cost: sum(g, "cost"), clicks: sum(g, "clicks"), impressions: sum(g, "impressions"), currency: "EUR", uploaded_at: new Date(now - 36e5).toISOString(),
    })).sort((a, b) => b.month.localeCompare(a.month) || b.cost - a.cost);
  };
  const upload = (q, text, { ok, problem }) => {
    const lines = text.trim().split(/\r?\n/);
    const bad = lines.flatMap((l, i) => (l.includes("bad") ? [{ line: i + 1, detail: `"bad" is no day.`, what_to_do: "Write it as 2026-11-23." }] : []));
    if (bad.length) {
      const refused = problem(400, "The file cannot be taken.", `${bad.length} things in it are wrong, so nothing was stored.`, "Correct these lines and upload the file again.");
      refused.body.lines = bad;
      return refused;
    }
    const read = lines.slice(1).map((l) => {
      const [d, source, medium, campaign, cost, , clicks, impressions] = l.match(/("[^"]*"|[^,]+)/g);
      return { day: d, source, medium, campaign, cost: Number(cost.replace(/[",]/g, "")), clicks: Number(clicks), impressions: Number(impressions) };
    });
    const same = (a, b) => ["day", "source", "medium", "campaign"].every((k) => a[k] === b[k]);
    const replaced = rows.filter((r) => read.some((n) => same(n, r))).length;
    const stored = q.get("preview") !== "true";
    if (stored) rows = [...rows.filter((r) => !read.some((n) => same(n, r))), ...read];
    const days = read.map((r) => r.day).sort();
    return ok({ stored, entries: read.length, lines: read.length, skipped: 0, replaced, from: days[0], to: days.at(-1), cost: sum(read, "cost"), currency: "EUR", sample: read.slice(0, 20).map((r) => ({ ...r, channel: value("channel", r) })) });
  };
  return {
    total: () => sum(rows, "cost"),
    by(dimension, q) {
      if (rows.length === 0 || !["channel", "source", "medium", "campaign"].includes(dimension) || q.getAll("filter").some((f) => !/^(channel|source|medium|campaign):/.test(f))) return null;
      const found = new Map();
      for (const r of rows) {
        const fits = q.getAll("filter").every((f) => {
          const [d, operator, v] = f.split(":");
          return operator === "is" ? value(d, r) === v : operator === "is_not" ? value(d, r) !== v : value(d, r).includes(v);
        });
        if (fits) found.set(value(dimension, r), (found.get(value(dimension, r)) ?? 0) + r.cost);
      }
      return found;
    },
    answer(method, path, q, body, say) {
      if (path !== "/costs") return null;
      if (method === "GET") return say.ok({ items: months() });
      if (method === "POST") return upload(q, body, say);
      const before = rows.length;
      rows = rows.filter((r) => r.day < q.get("from") || r.day > q.get("to") || (q.get("source") && r.source !== q.get("source")));
      return say.ok({ entries: before - rows.length });
    },
  };
}
