import { expect, test } from "vitest";
import { readCompared } from "./report";
import { changeText } from "./ui/compare";

test("days of one's own are compared with when both are there and in order", () => {
  const read = (text: string) => readCompared(new URLSearchParams(text));
  expect(read("")).toEqual({ compare: "none" });
  expect(read("compare=year")).toEqual({ compare: "year" });
  expect(read("compare=custom&before_from=2026-09-01&before_to=2026-09-30")).toEqual({ compare: "custom", compare_from: "2026-09-01", compare_to: "2026-09-30" });
  for (const broken of ["compare=custom", "compare=custom&before_from=2026-09-30&before_to=2026-09-01", "compare=custom&before_from=2026-09-31&before_to=2026-10-01", "compare=else"]) {
    expect(read(broken)).toEqual({ compare: "none" });
  }
});

test("a change from nothing is no share of it", () => {
  expect(changeText(3, 0)).toBe("new");
  expect(changeText(0, 0)).toBe("0%");
  expect(changeText(0, 4)).toBe("−100%");
});
