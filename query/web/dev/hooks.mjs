// Setup → Webhooks of the made-up workspace: receivers with their logs, and
// addresses that take what other programs send.
const id = (n) => `6ba2b18c-0c3e-8f4e-9c27-0000000000${String(n).padStart(2, "0")}`;

/** Answers /webhooks and /hooks; undefined for anything else. */
export function makeHooks({ empty, now, people }) {
  const at = (minutes) => new Date(now - minutes * 6e4).toISOString();
  const both = ["lead.created", "lead.changed"];
  const made = (n, more) => ({ id: String(n), name: "CRM", url: "https://crm.northwind.example/hooks/sourceloop", events: both, state: "active", words: "", created_at: at(9e3), former_secret_until: null, failing_since: null, waiting: 0, failed: 0, ...more });
  const receivers = empty ? [] : [
    made(1, { waiting: 1, failed: 1, failing_since: at(20), former_secret_until: at(-600) }),
    made(2, { name: "Warehouse", url: "https://warehouse.northwind.example/in", events: ["lead.created"], state: "paused", waiting: 14, words: "Nothing was taken for five days, so it was paused. What happens meanwhile waits for up to 30 days. The last attempt: The receiver failed (503). Its own log says why." }),
  ];
  const contact = people[0]?.contact.id ?? "";
  const sent = (n, more) => ({ id: id(n), event: "lead.created", contact, state: "sent", attempts: 1, status: 204, words: "The receiver took it (204).", due: null, created_at: at(n * 7), updated_at: at(n * 7), ...more });
  const log = [
    sent(1, { event: "lead.changed", state: "pending", attempts: 2, status: 500, words: "The receiver failed (500). Its own log says why.", due: at(-5) }),
    sent(2, {}),
    sent(3, { state: "failed", attempts: 10, status: 401, words: "The receiver refused it (401). Check that it verifies the signature with this webhook's present secret. It was tried 10 times in three days and given up. Send it again once the receiver works." }),
  ];
  const shop = { id: "1", name: "Shop", conversion: "purchase", value: null, currency: "", id_path: "order.id", email_path: "", phone_path: "", value_path: "order.total", created_at: at(9e3), taken: 41, last_taken_at: at(12), refused: 2, last_refused_at: at(300), last_refusal: "There were several emails or phones in it. Name the right place." };
  const hooks = empty ? [] : [shop];
  const secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
  const address = "https://sourceloop.northwind.example/hooks/in/in_Zq81mF0d3vYtR6uC2nXwL9aPbK4sHe7J";

  return function answer(method, path, body, { ok, problem }) {
    const gone = () => problem(404, "It is gone", "Somebody else deleted it.", "Reload the page.");
    const [, what, n, rest = ""] = path.match(/^\/(webhooks|hooks)(?:\/([^/]+))?(?:\/(.+))?$/) ?? [];
    if (!what) return undefined;
    const list = what === "webhooks" ? receivers : hooks;
    if (!n && method === "GET") return ok({ items: list, most: what === "webhooks" ? 5 : 20 });
    if (!n) {
      const next = String(list.length + 1);
      if (what === "hooks") return hooks.push({ ...shop, value: null, currency: "", id_path: "", value_path: "", ...body, id: next, taken: 0, refused: 0, last_taken_at: null, last_refused_at: null, last_refusal: "" }), ok({ hook: hooks.at(-1), url: address }, 201);
      if (body.url.includes("127.0.0.1")) return problem(400, "The request was not understood.", "The address 127.0.0.1 leads into a private network, where this server sends nothing.", "Give one that the internet reaches.");
      return receivers.push(made(next, body)), ok({ webhook: receivers.at(-1), secret }, 201);
    }
    const one = list.find((w) => w.id === n);
    if (!one) return gone();
    switch (`${method} ${rest.replace(/deliveries\/.+\/replay/, "again")}`) {
      case "DELETE ": return list.splice(list.indexOf(one), 1), { status: 204 };
      case "PUT ": return ok(Object.assign(one, body));
      case "POST pause": return ok(Object.assign(one, { state: body.paused ? "paused" : "active", words: body.paused ? "A person paused it. What happens meanwhile waits for up to 30 days." : "" }));
      case "POST secret": return ok({ webhook: one, secret });
      case "POST token": return ok({ hook: one, url: address });
      case "POST test": return log.unshift(sent(4 + log.length, { event: "webhook.test", contact: "", created_at: at(0) })), ok(log[0], 202);
      case "GET deliveries": return ok({ items: n === "1" ? log : [], next: "" });
      case "POST again": return { status: 204 };
      case "POST replay": return one.failed = 0, ok({ replayed: 1 }, 202);
    }
    return gone();
  };
}
