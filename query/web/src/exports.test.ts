import { describe, expect, it } from "vitest";
import { asOfText, leftOutText, readAsOf, ruleText, shareText } from "./credits";
import { asCurl, toLines } from "./exports";

describe("files and calls", () => {
  it("writes a line for each row", () => {
    expect(toLines({ head: ["channel", "conversions"], rows: [["Paid \"Search\"\n", 1.5], ["Direct", 0]] })).toBe('{"channel":"Paid \\"Search\\"\\n","conversions":1.5}\n{"channel":"Direct","conversions":0}\n');
  });
  it("writes a call that a shell takes as it is", () => {
    const call = { path: "/api/v1/attribution", query: { model: "linear", filter: ["source:is:it's", "medium:is:$(x)"], as_of: "" } };
    expect(asCurl(call, "https://loop.example")).toBe(`curl -sS -H "Authorization: Bearer $SOURCELOOP_KEY" 'https://loop.example/api/v1/attribution?model=linear&filter=source%3Ais%3Ait%27s&filter=medium%3Ais%3A%24%28x%29'`);
    expect(asCurl({ path: "/api/v1/funnels/query", body: { name: "it's" } }, "https://loop.example")).toContain(`-d '{"name":"it'\\''s"}'`);
  });
});

describe("words of credits", () => {
  it("reads only moments", () => {
    const read = (text: string) => readAsOf(new URLSearchParams({ as_of: text }));
    expect(read("2026-11-24")).toBe("2026-11-24");
    expect(read("2026-11-24T18:00:00Z")).toBe("2026-11-24T18:00:00Z");
    expect(read("2026-02-30")).toBe("");
    expect(read("yesterday")).toBe("");
  });
  it("says when, how much and why", () => {
    expect(asOfText("2026-11-24", "Europe/Berlin")).toBe("the end of 24 Nov 2026");
    expect(asOfText("2026-11-24T18:00:00Z", "Europe/Berlin")).toBe("24 Nov 2026, 19:00");
    expect(shareText(0.225)).toBe("22.5%");
    expect(ruleText("rule: Partners")).toBe("Your rule “Partners”");
    expect(leftOutText("lookback", "1")).toBe("Older than the lookback of 1 day");
  });
});
