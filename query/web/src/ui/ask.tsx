// A question before something that cannot be undone.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Problem } from "../api/client";
import { Dialog, ProblemNote } from "./basics";

interface Props<T> {
  title: string;
  text?: string;
  label: string; // of the button that does it
  busy?: string; // what it says while it is done, when that may take a while
  keep?: string; // of the button that leaves all as it is
  testid?: string;
  confirm?: string; // the test id of the button that does it
  act: () => Promise<T>;
  onDone?: (answer: T) => void; // instead of onClose, after it was done
  onClose: () => void;
  children?: ComponentChildren; // what else there is to know
}

/** Asks before something that cannot be undone. */
export function Ask<T>({ title, text, label, busy, keep = "Cancel", testid = "ask", confirm = "ask-confirm", act, onDone, onClose, children }: Props<T>) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [acting, setActing] = useState(false);
  const go = async () => {
    setActing(true);
    try {
      const answer = await act();
      if (onDone) onDone(answer);
      else onClose();
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
      setActing(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} testid={testid}>
      {text && <p>{text}</p>}
      {children}
      {problem && <ProblemNote problem={problem} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          {keep}
        </button>
        <button type="button" class="button button-danger" disabled={!!busy && acting} onClick={() => void go()} data-testid={confirm}>
          {acting && busy ? busy : label}
        </button>
      </div>
    </Dialog>
  );
}
