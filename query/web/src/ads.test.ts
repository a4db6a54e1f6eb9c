import { describe, expect, test } from "vitest";
import { dayStart, isPlatform, outcomeLabel, pushState } from "./ads";

describe("the beginning of a day", () => {
  test.each([
    ["2026-11-26", "UTC", "2026-11-26T00:00:00.000Z"],
    ["2026-11-26", "Europe/Berlin", "2026-11-25T23:00:00.000Z"],
    ["2026-07-01", "Europe/Berlin", "2026-06-30T22:00:00.000Z"],
    ["2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000Z"], // The clock changes at 2.
    ["2026-03-30", "Europe/Berlin", "2026-03-29T22:00:00.000Z"],
    ["2026-11-26", "America/Los_Angeles", "2026-11-26T08:00:00.000Z"],
    ["2026-11-26", "Asia/Kathmandu", "2026-11-25T18:15:00.000Z"],
  ])("%s in %s is %s", (day, zone, at) => {
    expect(dayStart(day, zone)).toBe(at);
  });
});

test("words", () => {
  expect(pushState("skipped_consent").label).toBe("No consent");
  expect(outcomeLabel("denied")).toBe("Access refused");
  expect(outcomeLabel("something_new")).toBe("something_new");
  expect(isPlatform("google")).toBe(true);
  expect(isPlatform("tiktok")).toBe(false);
});
