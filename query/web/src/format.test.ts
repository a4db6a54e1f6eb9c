import { describe, expect, it } from "vitest";
import { ago, change, count, country, dateTime, dimensionValue, dueWords, duration, gap, money, pageOn, percent, plural, points, safeHref, siteOf, shortUrl, sourceMedium, stretch } from "./format";

describe("numbers", () => {
  it("keeps two decimals of a credit and none of a count", () => {
    expect([count(0), count(1234), count(0.3333), count(2.5), count(0.1 + 0.2 + 0.7)]).toEqual(["0", "1,234", "0.33", "2.50", "1"]);
  });
  it("says shares and changes", () => {
    expect([percent(0), percent(0.0163), percent(0.03), percent(0.42), percent(1), percent(NaN)]).toEqual(["0%", "1.6%", "3.0%", "42%", "100%", "–"]);
    expect([change(0.12), change(-0.5), change(0), change(null)]).toEqual(["+12%", "−50%", "0%", "–"]);
    expect([points(0.014), points(-0.25), points(0.0004), points(0.01), points(NaN)]).toEqual(["+1.4 points", "−25 points", "0 points", "+1 point", "–"]);
  });
  it("says one of what is one as it is written", () => {
    expect([plural(1, "conversion"), plural(0.7 + 0.2 + 0.1, "conversion"), plural(0.5, "conversion"), plural(2, "entry", "entries")]).toEqual(["1 conversion", "1 conversion", "0.50 conversions", "2 entries"]);
  });
  it("survives a currency that nobody knows", () => {
    expect([money(1200, "EUR"), money(1960.0000000001, "EUR"), money(2.5, "EUR")]).toEqual(["€1,200", "€1,960", "€2.50"]);
    expect(money(5, "no currency")).toBe("5 no currency");
  });
});

describe("times", () => {
  it.each([
    [0, "0s"],
    [59, "59s"],
    [60, "1m"],
    [272, "4m 32s"],
    [3_600, "1h"],
    [3_900, "1h 5m"],
    [90_061, "1d 1h"],
    [-4, "0s"],
  ])("%d seconds are %s", (s, text) => expect(duration(s)).toBe(text));
  it("says a gap only when it is one", () => {
    expect([gap(20_000), gap(60_000), gap(5 * 60_000), gap(3 * 3_600_000), gap(50 * 3_600_000)]).toEqual(["", "1 minute later", "5 minutes later", "3 hours later", "2 days later"]);
  });
  it("says how long ago", () => {
    const now = Date.parse("2026-11-23T12:00:00Z");
    const before = (ms: number) => ago(new Date(now - ms).toISOString(), "UTC", now);
    expect([before(5_000), before(300_000), before(3 * 3_600_000), before(2 * 86_400_000), before(10 * 86_400_000)]).toEqual(["just now", "5 min ago", "3 h ago", "2 d ago", "13 Nov 2026"]);
  });
  it("says when something that waits is tried", () => {
    const now = Date.parse("2026-11-23T12:00:00Z");
    expect([dueWords("2026-11-23T12:00:00Z", "UTC", now), dueWords("2026-11-23T12:05:00Z", "UTC", now)]).toEqual(["It is tried any moment.", "It is tried next at 23 Nov 2026, 12:05."]);
  });
  it("uses the workspace's zone", () => {
    expect(dateTime("2026-11-23T23:30:00.000Z", "Europe/Berlin")).toBe("24 Nov 2026, 00:30");
  });
  it("names the stretches of a trend as they were given, in no zone", () => {
    expect([stretch("2026-11-23", "day"), stretch("2026-11-23T14:00", "hour"), stretch("2026-11-23", "week"), stretch("2026-11-01", "month")]).toEqual(["23 Nov", "14:00", "Week of 23 Nov", "Nov 2026"]);
  });
});

describe("what visitors choose", () => {
  it.each(["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", " https://a.example", "//a.example", "/a", "", "https://", "java\nscript:x", "vbscript:x"])("%s is no link", (text) => {
    expect(safeHref(text)).toBeUndefined();
    expect(shortUrl(text)).toBe(text);
  });
  it("links web addresses", () => {
    expect(safeHref("https://a.example/x?y=1")).toBe("https://a.example/x?y=1");
    expect(safeHref("HTTP://a.example")).toBe("http://a.example/");
  });
  it("shortens", () => {
    expect([shortUrl("https://www.a.example/p?q=1"), shortUrl("https://www.a.example/", true), shortUrl("https://a.example/p", true)]).toEqual(["/p", "a.example", "a.example/p"]);
    expect(dimensionValue("landing_page", "https://www.a.example/p?utm_source=x")).toBe("a.example/p?utm_source=x");
  });
  it("tells pages of one site by their paths", () => {
    const site = siteOf(["https://www.a.example/", "https://a.example/p?q=1", "(none)", "javascript:alert(1)"]);
    expect(site).toBe("a.example");
    expect(["https://www.a.example/", "https://a.example/p?q=1", "(none)", "javascript:alert(1)"].map((p) => pageOn(site, p))).toEqual(["/", "/p?q=1", "(none)", "javascript:alert(1)"]);
    expect([siteOf(["https://a.example/", "https://b.example/"]), siteOf(["(none)"])]).toEqual(["", ""]);
    expect(pageOn("", "https://a.example/p")).toBe("a.example/p");
  });
  it("turns no neighbour's direction of writing", () => {
    expect(sourceMedium({ source: "\u202egoogle\u2069\u2066", medium: "\u202dcpc\u200b" })).toBe("google / cpc\u200b");
    expect(sourceMedium({ source: "\u202e", medium: "cpc" })).toBe("(none) / cpc");
    expect(sourceMedium({ source: "חנות", medium: "cpc" })).toBe("חנות / cpc");
  });
  it("names sources and countries", () => {
    expect([sourceMedium({ source: "google", medium: "cpc" }), sourceMedium({ source: "direct", medium: "" })]).toEqual(["google / cpc", "direct"]);
    expect([country("DE"), country("(none)"), country("<b>")]).toEqual(["Germany", "(none)", "<b>"]);
  });
});
