// Where the focus goes when what had it goes away.

/** Puts the focus on what a selector finds. */
export function focusOn(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus({ preventScroll: false });
  return !!found;
}

/** The selector of what is known by a name as the opener of a drawer. */
export const openerCalled = (name: string) => `[data-opens="${CSS.escape(name)}"]`;
