// Names and values. Every value carries the name that the API gives it, and
// its value as the API gives it.
import type { ComponentChildren } from "preact";
import { safeHref, shortUrl } from "../format";

/** A list of names and values. */
export function Fields({ children, wide }: { children: ComponentChildren; wide?: boolean }) {
  return <dl class={wide ? "fields fields-wide" : "fields"}>{children}</dl>;
}

/** One name with its value: the children, else the text, else the value itself. */
export function Field(props: { name: string; label: string; value: string; text?: string; children?: ComponentChildren }) {
  const shown = props.children ?? props.text ?? props.value;
  const empty = !props.value && !props.children;
  return (
    <div>
      <dt>{props.label}</dt>
      <dd data-field={props.name} data-value={props.value} class={empty ? "none" : ""}>
        {props.value ? shown : "–"}
      </dd>
    </div>
  );
}

/** A URL that was collected: a link where a browser may be sent there, else its text. */
export function OutLink({ url, host = false }: { url: string; host?: boolean }) {
  const href = safeHref(url);
  if (!href) return <span class="break">{url}</span>;
  return (
    <a class="break" href={href} title={url} target="_blank" rel="noopener noreferrer nofollow">
      {host ? shortUrl(url, true) : url}
    </a>
  );
}
