// What people send to the API, by a button or a form, and what it says when it refuses them.
import { useState } from "preact/hooks";
import { Problem } from "../api/client";
import { focusBack } from "./focus";

/**
 * Does what somebody asked for. What goes wrong is the problem until the next
 * time; act tells whether it was done. While it is busy, what was pressed is
 * disabled, so that a second press sends nothing; then it has the focus again,
 * which what is disabled loses.
 */
export function useAct() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const act = async (what: () => Promise<void>): Promise<boolean> => {
    const pressed = document.activeElement;
    setBusy(true);
    setProblem(null);
    try {
      await what();
      return true;
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, "Something went wrong", String(error), "Reload the page and try again."));
      return false;
    } finally {
      setBusy(false);
      focusBack(pressed);
    }
  };
  return { problem, busy, act };
}

/** What was typed into a field of a form: without the space around it, unless the whole of it counts. */
export type Typed = (field: string, as?: "whole") => string;

/** Sends a form: send is told what was typed, and the form itself to empty it. What goes wrong is the problem until it is sent again. */
export function useSubmit(send: (typed: Typed, form: HTMLFormElement) => Promise<void>) {
  const { problem, busy, act } = useAct();
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    const form = e.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    const typed: Typed = (field, as) => {
      const text = String(data.get(field) ?? "");
      return as === "whole" ? text : text.trim();
    };
    await act(() => send(typed, form));
  };
  return { problem, busy, onSubmit: (e: SubmitEvent) => void submit(e) };
}
