import { describe, expect, it } from "vitest";
import { formatFilter, parseFilter, readFilters, withFilter } from "./filters";
import { changed, hrefOf, localPath, placeOf } from "./url";

describe("addresses", () => {
  it("reads and writes a place", () => {
    const place = placeOf("http://a.example/contacts/?f=source:is:google&f=landing_page:contains:/pricing");
    expect(place.path).toBe("/contacts");
    expect(hrefOf(place.path, place.query)).toBe("/contacts?f=source:is:google&f=landing_page:contains:/pricing");
    expect(placeOf("http://a.example").path).toBe("/");
  });
  it("changes what is named and keeps the rest", () => {
    const query = new URLSearchParams("a=1&b=2&f=x&f=y");
    expect(changed(query, { a: "3", b: null, f: ["z"] }).toString()).toBe("a=3&f=z");
    expect(changed(query, { a: "" }).has("a")).toBe(false);
    expect(query.get("a")).toBe("1");
  });
  it.each(["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", null, "/sign-in?next=/x"])("does not return to %s", (text) => {
    expect(localPath(text)).toBe("/contacts");
  });
  it("returns to a page of its own", () => {
    expect(localPath("/funnels?q=1")).toBe("/funnels?q=1");
  });
});

describe("filters", () => {
  it("keeps colons in values, and survives the address", () => {
    const filter = parseFilter("landing_page:is:https://a.example/?x=1:2");
    expect(filter).toEqual({ dimension: "landing_page", operator: "is", value: "https://a.example/?x=1:2" });
    const query = changed(new URLSearchParams(), { f: [formatFilter(filter!)] });
    expect(readFilters(placeOf(`http://a.example${hrefOf("/c", query)}`).query)).toEqual([filter]);
  });
  it.each(["", "source", "source:is", "source:is:", "source:like:x", "shoe:is:x", ":::"])("%s is no filter", (text) => {
    expect(parseFilter(text)).toBeNull();
  });
  it("reads each filter once", () => {
    expect(readFilters(new URLSearchParams("f=source:is:a&f=source:is:a&f=bad"))).toHaveLength(1);
  });
  it("replaces what could not hold together with the new one", () => {
    const a = parseFilter("source:is:a")!;
    const b = parseFilter("source:is:b")!;
    const not = parseFilter("source:is_not:c")!;
    expect(withFilter([a, not], b)).toEqual([not, b]);
    expect(withFilter([b], b)).toEqual([b]);
  });
});
