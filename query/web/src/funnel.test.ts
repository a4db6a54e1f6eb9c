import { describe, expect, it } from "vitest";
import { decode, encode, firstDefinition, isComplete, moved, stepError, stepLabel, type Step } from "./funnel";

const page: Step = { type: "pageview", operator: "equals", value: "/pricing" };
const event: Step = { type: "event", name: "chat_opened" };
const chat: Step = { type: "conversion", name: "intercom_conversation" };

describe("funnels", () => {
  it("survives the address", () => {
    const d = { ...firstDefinition, steps: [page, event, chat], breakdown: "source" as const };
    expect(decode(new URLSearchParams({ q: encode(d) }).get("q"))).toEqual(d);
  });
  it.each([null, "", "{", "null", "[]", "{}", '{"steps":[]}', '{"steps":[{"type":"drop table"}]}', '{"steps":[null,null]}', JSON.stringify({ steps: Array(11).fill(page) })])("reads no funnel from %s", (text) => {
    expect(decode(text)).toBeNull();
  });
  it("fills in what an address leaves out", () => {
    expect(decode(JSON.stringify({ steps: [page, chat] }))).toMatchObject({ window: "336h", scope: "visitor", order: "sequential" });
  });
  it("is complete with 2 to 10 whole steps", () => {
    expect(isComplete(firstDefinition)).toBe(true);
    expect(isComplete({ steps: [page] })).toBe(false);
    expect(isComplete({ steps: [page, { type: "event", name: " " }] })).toBe(false);
    expect(isComplete({ steps: Array(10).fill(page) })).toBe(true);
    expect(isComplete({ steps: Array(11).fill(page) })).toBe(false);
  });
  it("says what a step lacks", () => {
    expect(stepError(page)).toBe("");
    expect(stepError({ type: "pageview", operator: "equals", value: "" })).toMatch(/page/i);
    expect(stepError({ type: "pageview", operator: "regex", value: "(" })).toMatch(/regular expression/);
    expect(stepError({ ...event, properties: [{ key: "plan", operator: "equals", value: "" }] })).toMatch(/condition/);
  });
  it("moves steps and keeps the ends", () => {
    expect(moved([page, event, chat], 2, -1)).toEqual([page, chat, event]);
    expect(moved([page, event], 0, -1)).toEqual([page, event]);
    expect(moved([page, event], 1, 1)).toEqual([page, event]);
  });
  it("tells steps in words", () => {
    expect([page, event, chat, firstDefinition.steps[0]!, { ...page, operator: "contains" as const }].map(stepLabel)).toEqual(["Page /pricing", "Event chat_opened", "Intercom conversation", "Any page", "Page contains /pricing"]);
  });
});
