import { expect, test } from "vitest";
import { connectionWords, tools } from "./bi";

const place = { embedded: true, host: "127.0.0.1", http_port: 9124, native_port: 9123, database: "bi", stays: true };

test("every tool is told host, port, database and user", () => {
  for (const { id } of tools) {
    const words = connectionWords(id, place, "w7_looker");
    const text = words.fields.map(([, value]) => value).join(" ") + words.code;
    for (const wanted of ["127.0.0.1", "9124", "bi", "w7_looker"]) expect(text, id).toContain(wanted);
  }
});

test("a server's HTTP port is said to be a guess", () => {
  const words = connectionWords("node", { ...place, embedded: false, host: "fd00::1", http_port: null }, "w7_looker");
  expect(words.code).toMatch(/http:\/\/\[fd00::1\]:8123/);
  expect(words.note).toMatch(/usual/);
});
