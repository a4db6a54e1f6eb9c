// Forms that are sent to the API, and what it says when it refuses them.
import { useState } from "preact/hooks";
import { Problem } from "../api/client";

/** What was typed into a field of a form, without space around it. */
export type Typed = (field: string) => string;

/** Sends a form: send is told what was typed, and the form itself to empty it. What the API refuses is the problem until it is sent again. */
export function useSubmit(send: (typed: Typed, form: HTMLFormElement) => Promise<void>) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    const form = e.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    setProblem(null);
    try {
      await send((field) => String(data.get(field) ?? "").trim(), form);
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
    }
  };
  return { problem, onSubmit: (e: SubmitEvent) => void submit(e) };
}
