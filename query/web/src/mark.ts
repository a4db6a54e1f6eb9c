// Tells questions apart: a page of one is no page of another, as after another
// period was chosen.

/** A short mark of a question; a cursor in the address goes with it. */
export function markOf(question: string): string {
  let sum = 0;
  for (let i = 0; i < question.length; i++) sum = (sum * 31 + question.charCodeAt(i)) | 0;
  return (sum >>> 0).toString(36);
}
