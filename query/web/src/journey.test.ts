import { describe, expect, it } from "vitest";
import type { Schemas } from "./api/client";
import { toCsv } from "./csv";
import { gap } from "./format";
import { reasonText, sourceText, timeline } from "./journey";
import { addressOf } from "./api/client";
import { ticks } from "./ui/chart";

type Session = Schemas["JourneySession"];

function session(id: string, from: string, to: string, talk?: string): Session {
  const touch = { channel: "Direct", source: "direct", medium: "", campaign: "", content: "", term: "", landing_page: "", referrer: "", rule: "no source" };
  const items: Session["items"] = [{ at: from, type: "pageview", url: "https://a.example/", title: "", name: "", click_id: "" }];
  if (talk) items.push({ at: to, type: "conversation", url: "", title: "", name: "intercom_conversation", click_id: "", conversation: talk });
  return { id, visitor: "v", started_at: from, ended_at: to, reason: "first_hit", at: from, device: "", country: "", browser: "", items, ...touch };
}

const talk = (id: string, at: string) => ({ provider: "intercom", id, at, url: "" });

describe("the timeline", () => {
  const first = session("1", "2026-11-20T10:00:00.000Z", "2026-11-20T10:05:00.000Z");
  const second = session("2", "2026-11-23T10:00:00.000Z", "2026-11-23T10:04:00.000Z", "77");
  it("puts conversations without a session between the sessions", () => {
    const entries = timeline([second, first], [talk("77", "2026-11-23T10:04:00.000Z"), talk("78", "2026-11-21T09:00:00.000Z")]);
    expect(entries.map((e) => (e.kind === "session" ? e.session.id : e.conversation.id))).toEqual(["1", "78", "2"]);
  });
  it("measures gaps from the end of what was before", () => {
    const [a, b] = timeline([first, second], []);
    expect(gap(b!.at - a!.end)).toBe("3 days later");
  });
  it("explains the source and the reason", () => {
    expect(sourceText({ channel: "Paid Search", source: "google", medium: "cpc", rule: "paid click id gclid", referrer: "" })).toBe("google / cpc counts as Paid Search, by the rule “paid click id gclid”.");
    expect(sourceText({ channel: "Partners", source: "acme", medium: "", rule: "rule: Our partners", referrer: "" })).toBe("acme counts as Partners, by your own rule “Our partners”.");
    for (const reason of ["first_hit", "timeout", "attribution", "midnight"] as const) expect(reasonText(reason)).toMatch(/\.$/);
  });
});

describe("files", () => {
  it("quotes, and disarms formulas", () => {
    expect(toCsv([["a,b", 'say "x"', "line\nbreak"], ["=1+1", "+49", "-x"], ["@a", 3, -2]])).toBe('"a,b","say ""x""","line\nbreak"\r\n\'=1+1,\'+49,\'-x\r\n\'@a,3,-2\r\n');
  });
});

describe("the API's addresses", () => {
  it("escapes path and query, repeats lists, leaves out what is empty", () => {
    expect(addressOf("/api/v1/contacts/{id}/journey", { id: "a/b" }, undefined)).toBe("/api/v1/contacts/a%2Fb/journey");
    expect(addressOf("/x", undefined, { filter: ["a:is:1", "b:is:2"], cursor: "", limit: 50, stage: undefined })).toBe("/x?filter=a%3Ais%3A1&filter=b%3Ais%3A2&limit=50");
  });
});

describe("axes", () => {
  it.each([
    [0, [0, 1]],
    [3, [0, 1, 2, 3]],
    [4, [0, 1, 2, 3, 4]],
    [99, [0, 25, 50, 75, 100]],
    [173, [0, 50, 100, 150, 200]],
  ])("to %d are %j", (max, lines) => expect(ticks(max)).toEqual(lines));
});
