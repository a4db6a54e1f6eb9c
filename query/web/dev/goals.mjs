// Goals of the made-up workspace, and how the past is counted for them: each
// time somebody looks, one part more is done.

/** Answers /goals and /rebuilds; undefined for anything else. */
export function makeGoals({ empty, now }) {
  const goals = empty ? [] : [
    { id: "1", name: "Saw the prices", kind: "page", operator: "equals", value: "/pricing" },
    { id: "2", name: "Trial of Pro", kind: "event", event: "trial", properties: [{ key: "plan", operator: "equals", value: "pro" }], worth: 40, from: "2026-03-01" },
    { id: "3", name: "Became a customer", kind: "stage", stage: "Converted", worth: 900 },
    { id: "4", name: "Invoice paid", kind: "api", worth: 120 },
  ];
  const rebuilds = [];
  let last = 0;
  const start = (what, from) => {
    const made = { id: String(++last), what, finished: false, created_at: new Date(now).toISOString(), parts: 0, done: 0, ...(from ? { from } : {}) };
    rebuilds.unshift(made);
    return made;
  };
  const further = (r) => {
    if (r.finished) return;
    if (r.parts === 0) Object.assign(r, { parts: 5, done: 3, doing: r.what === "credits" ? "crediting conversions" : "deriving sessions" });
    else if (r.done < r.parts) r.done++;
    else Object.assign(r, { finished: true, finished_at: new Date().toISOString() });
  };

  return function answer(method, path, body, { ok, problem }) {
    if (path === "/rebuilds" && method === "POST") return ok(start("sessions", body.from), 202);
    if (path === "/rebuilds") {
      const seen = rebuilds.map((r) => ({ ...r }));
      rebuilds.forEach(further);
      return ok({ items: seen });
    }
    const [whole, id] = path.match(/^\/goals(?:\/(.+))?$/) ?? [];
    if (!whole) return undefined;
    if (method === "GET") return ok({ items: goals });
    const i = goals.findIndex((g) => g.id === id);
    if (id && i < 0) return problem(404, "There is no such goal in this workspace.", "", "It may have been deleted; look at the list.");
    if (method === "DELETE") return goals.splice(i, 1), start("credits"), { status: 204 };
    if (goals.some((g, k) => k !== i && g.name.toLowerCase() === body.name.toLowerCase())) return problem(409, `Another goal is named “${body.name}”.`, "", "Choose another name, so that reports can tell them apart.");
    const saved = { id: id ?? String(Math.max(0, ...goals.map((g) => Number(g.id))) + 1), ...body };
    if (id) goals[i] = saved;
    else goals.push(saved);
    return ok({ ...saved, rebuild: start("credits").id }, id ? 200 : 201);
  };
}
