// What people send to the API, by a button or a form, and what it says when it refuses them.
import { useState } from "preact/hooks";
import { Problem } from "../api/client";

/** Does what somebody asked for. What the API refuses is the problem until the next time; act tells whether it was done. */
export function useAct() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const act = async (what: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    try {
      await what();
      return true;
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { problem, busy, act };
}

/** What was typed into a field of a form, without space around it. */
export type Typed = (field: string) => string;

/** Sends a form: send is told what was typed, and the form itself to empty it. What the API refuses is the problem until it is sent again. */
export function useSubmit(send: (typed: Typed, form: HTMLFormElement) => Promise<void>) {
  const { problem, busy, act } = useAct();
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    const form = e.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    await act(() => send((field) => String(data.get(field) ?? "").trim(), form));
  };
  return { problem, busy, onSubmit: (e: SubmitEvent) => void submit(e) };
}
