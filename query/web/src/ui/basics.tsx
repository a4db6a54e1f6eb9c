// The parts that every screen is made of.
import type { AnchorHTMLAttributes, ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Problem } from "../api/client";
import { go, place } from "../url";
import { focusBack } from "./focus";
import { Icon, type IconName } from "./icon";

/** A link inside the dashboard; other clicks than the plain one are the browser's. */
export function Link({ href, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(href);
  };
  return <a href={href} onClick={follow} {...rest} />;
}

/** The head of a screen: its title, what stands beside it, and the page's title. */
export function Head({ title, children }: { title: string; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · SourceLoop`;
  }, [title]);
  return (
    <header class="head">
      <h1>{title}</h1>
      <div class="head-side">{children}</div>
    </header>
  );
}

/** An error in the words of the API. */
export function ProblemNote({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <div class="note note-bad" role="alert" data-testid="problem">
      <Icon name="warn" />
      <div>
        <strong>{problem.title}</strong>
        {problem.detail && <p>{problem.detail}</p>}
        {problem.whatToDo && <p>{problem.whatToDo}</p>}
      </div>
      {again && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** An empty state: why there is nothing, and what to do about it. */
export function Empty(props: { kind: "waiting" | "nothing" | "unconnected"; title: string; children?: ComponentChildren }) {
  return (
    <div class={`empty empty-${props.kind}`} data-testid={`empty-${props.kind}`}>
      {props.kind === "waiting" && <span class="pulse" aria-hidden="true" />}
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}

/** Grey lines that keep the layout until there is something to show. */
export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div class="skeleton" aria-busy="true" aria-label="Loading" role="status">
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} style={{ width: `${92 - ((i * 37) % 45)}%` }} />
      ))}
    </div>
  );
}

/** A button that opens a panel below itself; Esc and a click elsewhere close it. of: what it is about, where several have the same label. */
export function Menu(props: { label: string; of?: string | undefined; icon?: IconName; bare?: boolean | undefined; testid?: string; align?: "left" | "right"; children: (close: () => void) => ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const outside = (e: Event) => e.target instanceof Node && !box.current?.contains(e.target) && setOpen(false);
    const escape = (e: KeyboardEvent) => {
      if (e.key !== "Escape") return;
      e.stopPropagation();
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", escape, true);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", escape, true);
    };
  }, [open]);
  // A menu near the right edge of a narrow window moves back into it.
  useLayoutEffect(() => {
    const at = panel.current;
    if (!open || !at) return;
    at.style.translate = "";
    const over = at.getBoundingClientRect().right - (document.documentElement.clientWidth - 8);
    if (over > 0) at.style.translate = `${-over}px`;
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="menu" ref={box}>
      <button
        type="button"
        class={props.bare ? "button button-icon" : "button"}
        ref={button}
        aria-label={props.of && `${props.label}: ${props.of}`}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
        data-testid={props.testid}
      >
        {props.icon && <Icon name={props.icon} />}
        {!props.bare && props.label}
        {!props.bare && <Icon name="down" />}
      </button>
      <div id={id} ref={panel} class={`menu-panel ${props.align === "right" ? "menu-right" : ""}`} hidden={!open}>
        {open && props.children(close)}
      </div>
    </div>
  );
}

/** A modal dialog; the browser keeps the focus inside and Esc closes it. Then what opened it has the focus again. */
export function Dialog(props: { title: string; onClose: () => void; testid?: string; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    ref.current?.showModal();
    return () => focusBack(opener);
  }, []);
  return (
    <dialog ref={ref} aria-labelledby={id} onClose={props.onClose} data-testid={props.testid}>
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** A labelled select. */
export function Choice(props: {
  label: string;
  value: string;
  options: readonly { id: string; label: string }[];
  onChange: (id: string) => void;
  testid?: string;
  disabled?: boolean;
  quiet?: boolean;
}) {
  const id = useId();
  return (
    <span class="choice">
      <label for={id} class={props.quiet ? "hidden" : ""}>
        {props.label}
      </label>
      <select id={id} value={props.value} disabled={props.disabled} data-testid={props.testid} onChange={(e) => props.onChange(e.currentTarget.value)}>
        {props.options.map((o) => (
          <option key={o.id} value={o.id} selected={o.id === props.value}>
            {o.label}
          </option>
        ))}
      </select>
    </span>
  );
}

/** A button that copies a text and says so. */
export function Copy({ text, label = "Copy", testid }: { text: string; label?: string; testid?: string }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("Not allowed here: select it by hand");
    }
    setTimeout(() => setSaid(""), 3_000);
  };
  return (
    <button type="button" class="button" onClick={() => void copy()} data-testid={testid}>
      <Icon name={said === "Copied" ? "check" : "copy"} />
      <span aria-live="polite">{said || label}</span>
    </button>
  );
}

/** Whether an address is the one that is shown. */
export function isHere(path: string): boolean {
  return place.value.path === path || place.value.path.startsWith(`${path}/`);
}
