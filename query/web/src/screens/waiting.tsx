// Why there is nothing yet: no chat is connected, or nobody has come.
import type { ComponentChildren } from "preact";
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { addDays, defaultPreset, today } from "../dates";
import { capital } from "../format";
import { zone } from "../session";
import { Copy, Empty, Link, ProblemNote, Skeleton } from "../ui/basics";
import { choosePreset } from "../ui/periodbar";

/** The empty state of a screen that no data has reached. */
export function Waiting(props: { for: "contacts" | "traffic" }) {
  const connections = useQuery("connections", (signal) => ask("get", "/api/v1/connections", { signal }));
  const tracking = useQuery("tracking", (signal) => ask("get", "/api/v1/tracking", { signal }));
  if (!connections.data && connections.loading) return <Skeleton lines={3} />;
  const connected = connections.data?.items.some((c) => c.state === "connected");
  if (props.for === "contacts" && connections.data && !connected) {
    return (
      <Empty kind="unconnected" title="No chat is connected">
        <p>Contacts appear when a visitor gives an email or a phone in a chat. Connect your chat, and the next one is here within seconds.</p>
        <Link href="/setup/chat" class="button button-main">
          Connect a chat
        </Link>
      </Empty>
    );
  }
  return (
    <Empty kind="waiting" title={props.for === "contacts" ? "Waiting for the first contact" : "Waiting for the first visit"}>
      <p>
        {props.for === "contacts"
          ? "Open your site in a private window, start a chat and give an email. The contact appears here by itself."
          : "Put the tracking code on your site. Visits appear here within seconds."}
      </p>
      {tracking.data && (
        <>
          <pre class="snippet" tabIndex={0} aria-label="Tracking code">
            {tracking.data.snippet}
          </pre>
          <p class="actions">
            <Copy text={tracking.data.snippet} label="Copy the tracking code" />
            <Link href="/setup/tracking-code" class="button">
              Check the tracking code
            </Link>
          </p>
        </>
      )}
    </Empty>
  );
}

/** The chats whose conversations are asked for and that are not connected: of the kinds named, or, of "" for all conversions, any chat. */
export function useUnconnected(conversions: string[]): string[] {
  const chats = conversions.filter((c) => c === "" || c.endsWith("_conversation"));
  const { data } = useQuery(chats.length > 0 ? "connections" : null, (signal) => ask("get", "/api/v1/connections", { signal }));
  if (!data) return [];
  const connected = (provider: string) => data.items.some((c) => c.state === "connected" && (!provider || c.provider === provider));
  const name = (provider: string) => data.items.find((c) => c.provider === provider)?.name ?? (capital(provider) || "No chat");
  return [...new Set(chats)].map((c) => c.replace("_conversation", "")).filter((provider) => !connected(provider)).map(name);
}

/** Nothing in these days: a site that nobody has ever visited, a chat that is not connected, or a quiet stretch, about which children say what else can be done. */
export function Quiet({ text, conversions = [], children }: { text: string; conversions?: string[]; children?: ComponentChildren }) {
  const to = today(zone());
  const ever = useQuery(`ever ${to}`, (signal) => ask("get", "/api/v1/traffic", { query: { from: addDays(to, -364), to }, signal }));
  const unconnected = useUnconnected(conversions);
  if (!ever.data) return ever.problem ? <ProblemNote problem={ever.problem} again={ever.reload} /> : <Skeleton lines={3} />;
  if (ever.data.figures.every((f) => f.value === 0)) return <Waiting for="traffic" />;
  if (unconnected.length > 0) {
    return (
      <Empty kind="unconnected" title={`${unconnected.join(" and ")} ${unconnected[0] === "No chat" ? "is" : unconnected.length === 1 ? "is not" : "are not"} connected`}>
        <p>{text} Conversations are counted from the moment a chat is connected.</p>
        <Link href="/setup/chat" class="button button-main">
          Connect a chat
        </Link>
      </Empty>
    );
  }
  return (
    <Empty kind="nothing" title="Nothing in these days">
      <p>{text}</p>
      <div class="actions">
        <button type="button" class="button" onClick={() => choosePreset(defaultPreset)} data-testid="more-days">
          Show the last 30 days
        </button>
        {children}
      </div>
    </Empty>
  );
}
