// How far the past is counted anew, while it is.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { rebuildWords, type Rebuild } from "../goals";
import { Icon } from "./icon";

/**
 * The rebuild that is under way, asked for until it is finished; then also the
 * one of the id asked, which was started here. done is told when none is left.
 */
export function useRebuild(asked: string | undefined, done: () => void): { now: Rebuild | undefined; reload: () => void } {
  const [busy, setBusy] = useState(false);
  const list = useQuery("rebuilds", (signal) => ask("get", "/api/v1/rebuilds", { signal }), busy ? 2_000 : 0);
  const running = list.data?.items.find((r) => !r.finished);
  const mine = list.data?.items.find((r) => r.id === asked);
  useEffect(() => setBusy((was) => was || !!asked), [asked]);
  useEffect(() => {
    if (!list.data) return;
    const more = !!running || (!!asked && !mine);
    if (busy && !more) done();
    setBusy(more);
  }, [list.data]);
  return { now: running ?? mine, reload: list.reload };
}

/** Says so while the past is counted, and when that is done. */
export function Rebuilding({ now }: { now: Rebuild | undefined }) {
  return (
    <div role="status" data-testid="rebuild" data-finished={now?.finished}>
      {now && (
        <div class="note rebuilding">
          <Icon name={now.finished ? "check" : "clock"} />
          <div>
            <strong>{rebuildWords(now)}</strong>
            {!now.finished && now.parts > 0 && <progress max={now.parts} value={now.done} aria-label="Parts that are done" />}
            {!now.finished && <p class="sub">Reports change as it goes on. You may leave this page.</p>}
          </div>
        </div>
      )}
    </div>
  );
}
