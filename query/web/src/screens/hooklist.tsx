// The frame of both lists of webhooks: cards, the form of a new one, and what was
// made just now.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Answer } from "../api/query";
import { ProblemNote, Skeleton } from "../ui/basics";

interface Props<T, M> {
  title: string;
  hint: string;
  none: string; // where there is none yet
  again: string; // what deleting one makes room for
  list: Answer<{ items: T[]; most: number }>;
  fresh: (made: M, close: () => void) => ComponentChildren; // what is shown once
  card: (item: T, made: (m: M) => void) => ComponentChildren;
  form: (made: (m: M) => void, close: () => void) => ComponentChildren;
  add: (open: () => void) => ComponentChildren; // the button that opens the form
}

/** A list of webhooks of one kind, as many as a workspace may have. */
export function HookList<T, M>({ title, hint, none, again, list, fresh, card, form, add }: Props<T, M>) {
  const [made, setMade] = useState<M | null>(null);
  const [adding, setAdding] = useState(false);
  const { data } = list;
  const take = (m: M) => {
    setMade(m);
    list.reload();
  };
  // Only its own answer closes the form: a secret may be renewed beside it.
  const taken = (m: M) => {
    take(m);
    setAdding(false);
  };
  const full = !!data && data.items.length >= data.most;
  return (
    <section class="panel hooks" aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
      </header>
      <p class="hint">{hint}</p>
      {made && fresh(made, () => setMade(null))}
      {list.problem && <ProblemNote problem={list.problem} again={list.reload} />}
      {!data && list.loading && <Skeleton lines={3} />}
      <div class="hook-cards">{data?.items.map((item) => card(item, take))}</div>
      {data?.items.length === 0 && !adding && <p>{none}</p>}
      {adding && form(taken, () => setAdding(false))}
      {data && !adding && !full && <div class="actions">{add(() => setAdding(true))}</div>}
      {data && full && (
        <p class="hint">
          A workspace has at most {data.most}. Delete one to {again} another.
        </p>
      )}
    </section>
  );
}
