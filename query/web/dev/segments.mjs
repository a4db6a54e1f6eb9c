// Segments of the made-up workspace.

/** Answers /segments; undefined for anything else. */
export function makeSegments({ empty }) {
  const segments = empty ? [] : [
    { id: "1", name: "German mobile", filters: ["country:is:DE", "device:is:mobile"] },
    { id: "2", name: "Paid", filters: ["medium:is:cpc"] },
  ];
  return function answer(method, path, body, { ok }) {
    const [whole, id] = path.match(/^\/segments(?:\/(.+))?$/) ?? [];
    if (!whole) return undefined;
    if (method === "GET") return ok({ items: segments });
    const i = segments.findIndex((s) => (id ? s.id === id : s.name === body.name));
    if (method === "DELETE") return segments.splice(i, 1), { status: 204 };
    const saved = { id: segments[i]?.id ?? String(segments.length + 10), ...body };
    if (i >= 0) segments[i] = saved;
    else segments.push(saved);
    return ok(saved);
  };
}
