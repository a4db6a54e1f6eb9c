import { describe, expect, it } from "vitest";
import { channelChoices, channels, movedRule, newRule, ruleError, type Rule } from "./rules";

const rule: Rule = { name: "Partners", channel: "Partners", conditions: [{ field: "source", operator: "starts_with", value: "partner-" }] };

describe("rules for channels", () => {
  it.each<[Rule, string]>([
    [rule, ""],
    [newRule, "name"],
    [{ ...rule, channel: " " }, "channel"],
    [{ ...rule, conditions: [] }, "would take every session"],
    [{ ...rule, conditions: [{ field: "medium", operator: "is", value: "" }] }, ""],
    [{ ...rule, conditions: [{ field: "medium", operator: "contains", value: "" }] }, "empty condition"],
  ])("say what is missing", (one, words) => (words ? expect(ruleError(one)).toContain(words) : expect(ruleError(one)).toBe("")));

  it("are moved, within the list alone", () => {
    expect(movedRule(["a", "b", "c"], 2, 0)).toEqual(["c", "a", "b"]);
    expect(movedRule(["a", "b"], 0, 1)).toEqual(["b", "a"]);
    expect(movedRule(["a", "b"], 0, -1)).toEqual(["a", "b"]);
    expect(movedRule(["a", "b"], 1, 2)).toEqual(["a", "b"]);
  });

  it("offer the channels that they name, each once", () => {
    expect(channelChoices([rule, rule, { ...rule, channel: "Email" }, { ...rule, channel: "" }])).toEqual([...channels, "Partners"]);
  });
});
