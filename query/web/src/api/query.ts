// Loading: while new numbers load the old ones stay, and a screen that was
// seen before shows at once what it showed then.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "./client";
import { signedOut } from "../session";

/** What is known of an answer. */
export interface Answer<T> {
  data: T | undefined;
  problem: Problem | undefined;
  loading: boolean;
  reload: () => void;
}

const kept = new Map<string, unknown>();
const keptAtMost = 60;

function keep(key: string, value: unknown): void {
  kept.delete(key);
  kept.set(key, value);
  const oldest = kept.keys().next();
  if (kept.size > keptAtMost && !oldest.done) kept.delete(oldest.value);
}

/**
 * Loads whenever the key changes (null: not at all), and again every so many
 * milliseconds while the page is visible. Loading is true only until there is
 * an answer to this very key; later ones replace it quietly.
 */
export function useQuery<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>, every = 0): Answer<T> {
  const [state, setState] = useState<{ key: string | null; data?: T; problem?: Problem; loading: boolean }>({ key: null, loading: key !== null });
  const [turn, setTurn] = useState(0);
  const loader = useRef(load);
  loader.current = load;

  useEffect(() => {
    if (key === null) return;
    const control = new AbortController();
    let busy = false;
    const run = async () => {
      if (busy) return; // The answer before is still on its way.
      busy = true;
      setState((s) => ({ ...s, key, data: (kept.get(key) as T | undefined) ?? s.data, loading: !kept.has(key) }));
      try {
        const data = await loader.current(control.signal);
        keep(key, data);
        if (!control.signal.aborted) setState({ key, data, loading: false });
      } catch (error) {
        if (control.signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem(0, "Something went wrong in the dashboard", String(error), "Reload the page.");
        if (problem.status === 401) signedOut();
        setState((s) => ({ ...s, key, problem, loading: false }));
      } finally {
        busy = false;
      }
    };
    void run();
    const timer = every > 0 ? setInterval(() => document.visibilityState === "visible" && void run(), every) : 0;
    return () => {
      control.abort();
      clearInterval(timer);
    };
  }, [key, turn, every]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const seen = state.key === key ? state.data : key === null ? undefined : ((kept.get(key) as T | undefined) ?? state.data);
  return { data: seen, problem: state.key === key ? state.problem : undefined, loading: state.loading || state.key !== key, reload };
}

/** Forgets every answer, as after a change that many of them show. */
export function forget(): void {
  kept.clear();
}
