import { describe, expect, it } from "vitest";
import { toCsv } from "./csv";

describe("tables as files", () => {
  it("writes RFC 4180", () => {
    expect(toCsv([["a", 1.5], ['say "hi"', "x,y"], ["two\nlines", ""]])).toBe('a,1.5\r\n"say ""hi""","x,y"\r\n"two\nlines",\r\n');
    expect(toCsv([])).toBe("\r\n");
  });
  it.each([
    ["=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"],
    ["+4930901820", "'+4930901820"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\uff1d1+1", "'\uff1d1+1"],
    ["  =1", "  '=1"],
    ["\t=1", "\t'=1"],
    ["spring;=1", "spring;'=1"],
    ["spring\t@x", "spring\t'@x"],
    ["spring;;  -1", "spring;;  '-1"],
    ["a=b;c-d", "a=b;c-d"],
    ["https://a.example/?x=1&y=-2", "https://a.example/?x=1&y=-2"],
  ])("%j begins no formula", (value, safe) => expect(toCsv([[value]])).toBe(`${safe}\r\n`));
  it("keeps numbers as numbers", () => expect(toCsv([[-1.5, 0]])).toBe("-1.5,0\r\n"));

  it("begins no formula however a program splits it, and gives every value back", () => {
    const seed = Date.now() % 2 ** 31;
    const random = dice(seed);
    const letters = [..."=+-@;,\t\r\n\"' a1\uff1d"];
    for (let n = 0; n < 3000; n++) {
      const row = Array.from({ length: 3 }, () => Array.from({ length: Math.floor(random() * 8) }, () => letters[Math.floor(random() * letters.length)]).join(""));
      const text = toCsv([row]);
      const parsed = parse(text);
      const formulas = [...text.split(/[;\t\r\n]/), ...parsed].filter((part) => /^[=+\-@\uff1d]/.test(part.replace(/^[\s"]+/, "")));
      const kept = parsed.map((v) => v.replaceAll("'", ""));
      // One expectation a row: one a part took seconds, which a loaded machine stretches beyond the runner's limit.
      expect({ formulas, kept }, `seed ${seed}, ${JSON.stringify(row)}`).toEqual({ formulas: [], kept: row.map((v) => v.replaceAll("'", "")) });
    }
  });
});

/** The values of one row, as RFC 4180 has them. */
function parse(text: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < text.length; ) {
    const quoted = /^"((?:[^"]|"")*)"(,|\r\n)/.exec(text.slice(i));
    const plain = /^([^",\r\n]*)(,|\r\n)/.exec(text.slice(i));
    const found = quoted ?? plain;
    if (!found) throw new Error(`no CSV from ${i}: ${JSON.stringify(text)}`);
    values.push(quoted ? found[1]!.replaceAll('""', '"') : found[1]!);
    i += found[0].length;
  }
  return values;
}

/** Numbers in [0, 1) that a seed gives. */
function dice(seed: number): () => number {
  let s = seed;
  return () => {
    s = (s * 1664525 + 1013904223) % 4294967296;
    return s / 4294967296;
  };
}
