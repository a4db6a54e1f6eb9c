import { describe, expect, it } from "vitest";
import { addDays, isDay, length, rangeLabel, rangeOf, readPeriod, today } from "./dates";

describe("today in a zone", () => {
  it.each([
    ["2026-11-23T23:30:00Z", "UTC", "2026-11-23"],
    ["2026-11-23T23:30:00Z", "Europe/Berlin", "2026-11-24"],
    ["2026-11-23T04:30:00Z", "America/New_York", "2026-11-22"],
    ["2026-03-29T00:59:59Z", "Europe/Berlin", "2026-03-29"],
  ])("%s in %s is %s", (at, zone, day) => {
    expect(today(zone, new Date(at))).toBe(day);
  });
});

describe("days", () => {
  it("crosses months, years, leap days and changes of the clock", () => {
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(addDays("2028-02-28", 1)).toBe("2028-02-29");
    expect(addDays("2026-03-29", 1)).toBe("2026-03-30");
    expect(addDays("2026-01-01", -1)).toBe("2025-12-31");
  });
  it("knows days that do not exist", () => {
    expect(isDay("2026-02-28")).toBe(true);
    for (const no of ["2026-02-30", "2026-13-01", "26-01-01", "today", "", null]) expect(isDay(no)).toBe(false);
  });
});

describe("periods", () => {
  it.each([
    ["today", "2026-11-23", "2026-11-23", 1],
    ["yesterday", "2026-11-22", "2026-11-22", 1],
    ["7d", "2026-11-17", "2026-11-23", 7],
    ["28d", "2026-10-27", "2026-11-23", 28],
    ["30d", "2026-10-25", "2026-11-23", 30],
    ["month", "2026-11-01", "2026-11-23", 23],
    ["year", "2026-01-01", "2026-11-23", 327],
  ])("%s is from %s to %s", (preset, from, to, days) => {
    const range = rangeOf(preset, "2026-11-23");
    expect(range).toEqual({ from, to });
    expect(length(range)).toBe(days);
  });
  it("reads days of one's own before a preset, and 30 days from nonsense", () => {
    const read = (text: string) => readPeriod(new URLSearchParams(text), "2026-11-23");
    expect(read("from=2026-01-02&to=2026-01-05&period=7d")).toEqual({ preset: null, range: { from: "2026-01-02", to: "2026-01-05" } });
    expect(read("period=7d").range.from).toBe("2026-11-17");
    for (const nonsense of ["", "period=eternity", "from=2026-01-05&to=2026-01-02", "from=2026-01-05"]) expect(read(nonsense).preset).toBe("30d");
  });
  it("says a range in words", () => {
    expect(rangeLabel({ from: "2026-11-23", to: "2026-11-23" })).toBe("23 Nov 2026");
    expect(rangeLabel({ from: "2026-11-01", to: "2026-11-23" })).toMatch(/^1\s?–\s?23 Nov 2026$/);
  });
});
