// Why there is nothing yet: no chat is connected, or nobody has come.
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { Copy, Empty, Link, Skeleton } from "../ui/basics";

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
