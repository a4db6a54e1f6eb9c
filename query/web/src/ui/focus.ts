// Where the focus goes when what had it goes away.
import { useEffect, useRef } from "preact/hooks";

/** Puts the focus on what a selector finds. */
export function focusOn(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus({ preventScroll: false });
  return !!found;
}

/** The selector of what is known by a name as the opener of a drawer or a form. */
export const openerCalled = (name: string) => `[data-opens="${CSS.escape(name)}"]`;

const isLost = () => !document.activeElement || document.activeElement === document.body;

/** Gives the focus back to what had it, if that is still there and nothing else has taken the focus; once the next frame is drawn. */
export function focusBack(to: Element | null) {
  requestAnimationFrame(() => {
    if (isLost() && to instanceof HTMLElement && to.isConnected) to.focus();
  });
}

/** For a form that opens in its place: the first field has the focus; once it is closed, what opens it, or the screen where that is gone. */
export function useOpened(opener: string) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
    return () => {
      requestAnimationFrame(() => isLost() && (focusOn(openerCalled(opener)) || focusOn("#screen")));
    };
  }, []);
  return form;
}
