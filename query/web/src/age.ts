// How old the numbers are: answers about contacts and reports say so in the
// header As-Of when the pipeline is behind.
import { signal } from "@preact/signals";

/** Up to when everything that came in is in the numbers; "" when that is now. */
export const asOf = signal("");

const aged = /^\/api\/v1\/(contacts|traffic|attribution|funnels\/query)\b/;

/** Notes what an answer says. Answers that are no numbers say nothing. */
export function noteAge(path: string, header: string | null): void {
  if (aged.test(path)) asOf.value = header ?? "";
}
