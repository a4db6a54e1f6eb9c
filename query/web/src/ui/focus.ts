// Where the focus goes when what had it goes away.

/** Puts the focus on what a selector finds. */
export function focusOn(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus({ preventScroll: false });
  return !!found;
}

/** The selector of what is known by a name as the opener of a drawer. */
export const openerCalled = (name: string) => `[data-opens="${CSS.escape(name)}"]`;

/** Gives the focus back to what had it, if that is still there and nothing else has taken the focus; once the next frame is drawn. */
export function focusBack(to: Element | null) {
  requestAnimationFrame(() => {
    const lost = !document.activeElement || document.activeElement === document.body;
    if (lost && to instanceof HTMLElement && to.isConnected) to.focus();
  });
}
