// A question before something that cannot be undone.
import { useState } from "preact/hooks";
import { Problem } from "../api/client";
import { Dialog, ProblemNote } from "./basics";

/** Asks before something that cannot be undone. */
export function Ask({ title, text, label, act, onClose }: { title: string; text: string; label: string; act: () => Promise<unknown>; onClose: () => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const go = async () => {
    try {
      await act();
      onClose();
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} testid="ask">
      <p>{text}</p>
      {problem && <ProblemNote problem={problem} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button button-danger" onClick={() => void go()} data-testid="ask-confirm">
          {label}
        </button>
      </div>
    </Dialog>
  );
}
