// A question before something that cannot be undone.
import type { ComponentChildren } from "preact";
import { Dialog, ProblemNote } from "./basics";
import { useAct } from "./form";

interface Props<T> {
  title: string;
  text?: string;
  label: string; // of the button that does it
  busy?: string; // what it says while it is done
  keep?: string; // of the button that leaves all as it is
  testid?: string;
  confirm?: string; // the test id of the button that does it
  act: () => Promise<T>;
  onDone?: (answer: T) => void; // instead of onClose, after it was done
  onClose: () => void;
  children?: ComponentChildren; // what else there is to know
}

/** Asks before something that cannot be undone. */
export function Ask<T>({ title, text, label, busy: words = "One moment…", keep = "Cancel", testid = "ask", confirm = "ask-confirm", act: send, onDone, onClose, children }: Props<T>) {
  const { problem, busy, act } = useAct();
  const go = () =>
    act(async () => {
      const answer = await send();
      if (onDone) onDone(answer);
      else onClose();
    });
  return (
    <Dialog title={title} onClose={onClose} testid={testid}>
      {text && <p>{text}</p>}
      {children}
      {problem && <ProblemNote problem={problem} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          {keep}
        </button>
        <button type="button" class="button button-danger" disabled={busy} onClick={() => void go()} data-testid={confirm}>
          {busy ? words : label}
        </button>
      </div>
    </Dialog>
  );
}
