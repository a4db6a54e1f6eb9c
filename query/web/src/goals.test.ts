import { describe, expect, it } from "vitest";
import { goalBody, goalError, goalWords, rebuildWords, type GoalInput, type Rebuild } from "./goals";

const page: GoalInput = { name: "Prices", kind: "page", operator: "equals", value: "/pricing" };
const event: GoalInput = { name: "Trial", kind: "event", event: "trial", properties: [{ key: "plan", operator: "equals", value: "pro" }, { key: "seats", operator: "starts_with", value: "1" }] };

describe("goals", () => {
  it.each<[GoalInput, string]>([
    [page, "Viewing /pricing"],
    [{ ...page, operator: "starts_with", value: "/docs" }, "Viewing a page that starts with /docs"],
    [event, "Event trial with plan = pro and seats that starts with 1"],
    [{ name: "T", kind: "event", event: "trial" }, "Event trial"],
    [{ name: "Won", kind: "stage", stage: "Converted" }, "Reaching the stage Converted"],
    [{ name: "Paid", kind: "api" }, "A conversion your server sends"],
  ])("are told in words", (goal, words) => expect(goalWords(goal)).toBe(words));

  it("are saved with what their kind needs alone", () => {
    expect(goalBody({ ...event, ...page, name: " Prices ", stage: "Lost", worth: 0, from: "" })).toEqual(page);
    expect(goalBody({ ...page, kind: "api", worth: 3, from: "2026-01-01" })).toEqual({ name: "Prices", kind: "api", worth: 3 });
    expect(goalBody({ ...page, kind: "stage", stage: "Lost", from: "2026-01-01" })).toEqual({ name: "Prices", kind: "stage", stage: "Lost", from: "2026-01-01" });
  });

  it("say what is missing", () => {
    expect(goalError(page)).toBe("");
    expect(goalError({ ...page, value: " " })).toContain("Enter a page");
    expect(goalError({ ...event, properties: [{ key: "", operator: "equals", value: "x" }] })).toContain("condition");
    expect(goalError({ name: "x", kind: "stage" })).toContain("stage");
    expect(goalError({ name: "x", kind: "api" })).toBe("");
  });

  it.each<[Partial<Rebuild>, string]>([
    [{}, "Counting the past: about to begin"],
    [{ parts: 5, done: 3 }, "Counting the past: 3 of 5 parts"],
    [{ what: "sessions", doing: "deriving sessions", parts: 12, done: 0, visitors: 1200 }, "Deriving sessions of the past: 0 of 12 parts, 1,200 visitors so far"],
    [{ what: "sessions", doing: "crediting conversions", parts: 1, done: 0 }, "Counting the past: 0 of 1 part"],
    [{ finished: true }, "The past is counted."],
  ])("are counted in the past in words", (part, words) => expect(rebuildWords({ id: "1", what: "credits", finished: false, created_at: "", parts: 0, done: 0, ...part })).toBe(words));
});
