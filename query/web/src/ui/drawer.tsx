// The drawer that slides over a screen, or stands beside its list: the only one
// there is.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { focusOn, openerCalled } from "./focus";
import { Icon } from "./icon";

interface Props {
  title: ComponentChildren;
  testid: string;
  onClose: () => void; // by the button or by Esc; the address then names it no more
  opener: string; // the data-opens of what opens it, to which the focus returns
  over?: boolean; // wider, over a report
  modal?: boolean; // keeps the focus inside; what is behind waits
  of?: string; // the id of what is shown
  foot?: ComponentChildren; // what can be done, always in sight
  children: ComponentChildren;
}

/** Esc closes the drawer, and the focus returns to what opened it, or to the screen where that is gone. */
export function Drawer(props: Props) {
  const { testid, modal, opener } = props;
  const title = useRef<HTMLHeadingElement>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const close = useRef(props.onClose);
  close.current = props.onClose;
  useEffect(() => {
    dialog.current?.showModal();
    title.current?.focus({ preventScroll: true });
    const escape = (e: KeyboardEvent) => {
      if (e.key === "Escape" && !e.defaultPrevented && !document.querySelector("dialog[open]")) close.current();
    };
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("keydown", escape);
      // Another drawer that opened instead has taken the focus.
      requestAnimationFrame(() => document.querySelector(".drawer") || focusOn(openerCalled(opener)) || focusOn("#screen"));
    };
  }, []);
  const inside = (
    <>
      <header class="drawer-head">
        <h1 id={`${testid}-name`} ref={title} tabIndex={-1}>
          {props.title}
        </h1>
        <button type="button" class="button button-icon" aria-label="Close" onClick={() => props.onClose()} data-testid={`close-${testid}`}>
          <Icon name="close" />
        </button>
      </header>
      {props.children}
      {props.foot && <footer class="drawer-foot">{props.foot}</footer>}
    </>
  );
  const named = { class: props.over ? "drawer drawer-over" : "drawer", "aria-labelledby": `${testid}-name`, "data-testid": testid };
  if (!modal) return <section {...named} data-id={props.of}>{inside}</section>;
  return (
    <dialog
      {...named}
      ref={dialog}
      onCancel={(e) => {
        // The address closes it, so that Back and the focus are as with the button.
        e.preventDefault();
        props.onClose();
      }}
      onClose={() => props.onClose()} // a browser that did not ask
    >
      {inside}
    </dialog>
  );
}
