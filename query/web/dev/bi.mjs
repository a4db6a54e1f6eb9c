// Who reads the made-up workspace with BI tools.

/** Answers what lies under /bi, or gives null. */
export function makeBI({ empty, now }) {
  const user = (name, state, more = {}) => ({ name, login: `w1_${name}`, details: false, state, added_at: new Date(now - 6e8).toISOString(), statements: [], ...more });
  const run = (login) => [`CREATE USER OR REPLACE ${login} IDENTIFIED WITH sha256_hash BY '${"0f".repeat(32)}' DEFAULT DATABASE bi SETTINGS PROFILE 'sourceloop_bi'`, `CREATE ROW POLICY OR REPLACE ${login} ON bi.contacts FOR SELECT USING workspace = 1 TO ${login}`, `GRANT SELECT ON bi.contacts TO ${login}`];
  const drop = (login) => [`DROP USER IF EXISTS ${login}`, `DROP ROW POLICY IF EXISTS ${login} ON bi.contacts`];
  let users = empty ? [] : [user("metabase", "reads"), user("looker", "from_next_start", { details: true }), user("warehouse", "by_statements", { statements: run("w1_warehouse") }), user("former", "until_next_start", { added_at: null }), user("tried", "renewed_from_next_start"), user("parting", "leaving", { statements: drop("w1_parting") })];
  const place = { embedded: true, host: "127.0.0.1", http_port: 8124, native_port: 9001, database: "bi", stays: false };
  return (method, path, body, { ok, problem }, query) => {
    if (path === "/bi" && method === "GET") return ok({ place, items: users, most: 20 });
    if (path === "/bi" && method === "POST") {
      const made = user(body.name, "from_next_start", { details: body.details ?? false, added_at: new Date().toISOString() });
      users = [...users.filter((u) => u.login !== made.login), made];
      return ok({ user: made, password: "MZXW6YTBOI5FAKEFAKEFAKE777" }, 201);
    }
    const one = path.match(/^\/bi\/(.+)$/);
    if (!one || method !== "DELETE") return null;
    const gone = users.find((u) => u.login === decodeURIComponent(one[1]));
    if (!gone) return problem(404, "Not done", "There is no such BI user.", "It may have been removed.");
    if (gone.state === "by_statements" || (gone.state === "leaving" && query.get("statements_run") !== "true")) {
      users = users.map((u) => (u === gone ? { ...u, state: "leaving", statements: drop(u.login) } : u));
      return ok({ state: "leaving", statements: drop(gone.login) });
    }
    users = users.filter((u) => u !== gone);
    return ok({ state: gone.state === "reads" ? "until_next_start" : "gone", statements: [] });
  };
}
