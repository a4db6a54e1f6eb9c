// Parts of the dashboard that are loaded when they are first shown, so that
// the first load stays small.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../api/client";
import { ProblemNote, Skeleton } from "./basics";

/** Makes a component of one that has still to be loaded. quiet: nothing is shown until then. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, quiet = false): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Later(props: P) {
    const [, setTurn] = useState(0);
    const [problem, setProblem] = useState<Problem | null>(null);
    const again = () => {
      setProblem(null);
      load().then(
        (part) => {
          loaded = part;
          setTurn((n) => n + 1);
        },
        () => setProblem(new Problem(0, "This part of the dashboard could not be loaded", "SourceLoop may have been updated since this page was opened, or cannot be reached.", "Reload the page.")),
      );
    };
    useEffect(() => {
      if (!loaded) again();
    }, []);
    const Part = loaded;
    if (Part) return <Part {...props} />;
    if (problem) return <ProblemNote problem={problem} again={again} />;
    return quiet ? null : <Skeleton lines={8} />;
  };
}
