import { describe, expect, it } from "vitest";
import { decode, encode, firstDefinition, fitted, isComplete, placed, rowLabels, stepError, stepLabel, type Step } from "./funnel";

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
    expect(placed([page, event, chat], 2, 1)).toEqual([page, chat, event]);
    expect(placed([page, event, chat], 0, 2)).toEqual([event, chat, page]);
    expect(placed([page, event], 0, -1)).toEqual([page, event]);
    expect(placed([page, event], 1, 2)).toEqual([page, event]);
  });
  it("keeps exclusions between steps that are there", () => {
    const d = { ...firstDefinition, exclusions: [{ step: page, after: 2, before: 3 }] };
    expect(fitted(d).exclusions).toEqual([{ step: page }]);
    expect(fitted({ ...d, steps: [page, event, chat] }).exclusions).toEqual(d.exclusions);
    expect(fitted({ ...d, exclusions: [] })).toEqual(firstDefinition);
    expect(isComplete({ ...d, exclusions: [{ step: { type: "event", name: "" } }] })).toBe(false);
    expect(decode(JSON.stringify({ steps: [page, chat], exclusions: [{}] }))).toBeNull();
    expect(decode(JSON.stringify({ steps: [page, chat], exclusions: [{ step: event }] }))).toMatchObject({ exclusions: [{ step: event }] });
  });
  it("names rows of any order by how many steps were done", () => {
    expect(rowLabels({ steps: [page, event, chat], order: "any" })).toEqual(["Any of the steps", "Any 2 of them", "All of them"]);
    expect(rowLabels({ steps: [page, chat] })).toEqual(["Page /pricing", "Intercom conversation"]);
  });
  it("tells steps in words", () => {
    expect([page, event, chat, firstDefinition.steps[0]!, { ...page, operator: "contains" as const }].map(stepLabel)).toEqual(["Page /pricing", "Chat opened", "Intercom conversation", "Any page", "Page contains /pricing"]);
  });
});
