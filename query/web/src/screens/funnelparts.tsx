// What the reports of a funnel have in common: what they are told, how an answer
// is awaited, and what stands where there is none.
import type { ComponentChildren } from "preact";
import type { Answer } from "../api/query";
import { count, duration, percent } from "../format";
import type { Definition } from "../funnel";
import { peopleAt, type Behind } from "../people";
import { Link, ProblemNote, Skeleton } from "../ui/basics";
import { Icon } from "../ui/icon";
import { hrefOfBuilder } from "./funneldraft";
import { Quiet, useUnconnected } from "./waiting";

/** What every report of a funnel is told. */
export interface Asked {
  definition: Definition;
  range: { from: string; to: string };
}

/** A share as a percentage; a dash of nothing. */
export const share = (part: number, whole: number) => (whole > 0 ? percent(part / whole) : "–");

/** A time in words; a dash for none. */
export const time = (seconds: number | null | undefined) => (seconds === null || seconds === undefined ? "–" : duration(seconds));

/** The conversions among a funnel's steps. */
const conversionsOf = (d: Definition) => d.steps.filter((s) => s.type === "conversion").map((s) => s.name ?? "?");

/** A number of people, which leads to them; nobody leads nowhere. name: whose number it is, where the table alone does not say it. */
export function People({ n, at, name, text, testid }: { n: number; at: Behind; name?: string; text?: string; testid?: string }) {
  if (n === 0) return <>{text ?? "0"}</>;
  return (
    <Link href={peopleAt(at)} aria-label={name} data-testid={testid}>
      {text ?? count(n)}
    </Link>
  );
}

interface Props<T> {
  answer: Answer<T>;
  definition: Definition;
  nobody: (data: T) => boolean; // whether there is nothing to show
  text?: string; // why
  children: (data: T) => ComponentChildren;
}

/** An answer, its problem, its shape while it is awaited, or why there is nothing. Old numbers stay while new ones load. */
export function Answered<T>({ answer, definition, nobody, text, children }: Props<T>) {
  const { data } = answer;
  return (
    <div class={answer.loading && data ? "stale" : ""} aria-busy={answer.loading}>
      {answer.problem && <ProblemNote problem={answer.problem} again={answer.reload} />}
      {!data && answer.loading && <Skeleton lines={9} />}
      {data && nobody(data) && (
        <Quiet text={text ?? "Nobody entered the funnel. Choose more days, or look at step 1."} conversions={conversionsOf(definition)}>
          <Link href={hrefOfBuilder()} class="button">
            Edit steps
          </Link>
        </Quiet>
      )}
      {data && !nobody(data) && (
        <>
          <Unconnected definition={definition} />
          {children(data)}
        </>
      )}
    </div>
  );
}

/** Says that a step counts nothing new, since its chat is not connected. */
function Unconnected({ definition }: { definition: Definition }) {
  const chats = useUnconnected(conversionsOf(definition));
  if (chats.length === 0) return null;
  return (
    <div class="note" role="status" data-testid="unconnected">
      <Icon name="warn" />
      <div>
        <strong>
          {chats.join(" and ")} {chats.length === 1 ? "is" : "are"} not connected
        </strong>
        <p>No new conversation is counted as a step.</p>
      </div>
      <Link href="/setup/chat" class="button">
        Connect
      </Link>
    </div>
  );
}
