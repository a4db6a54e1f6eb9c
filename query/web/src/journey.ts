// A contact's journey as a timeline: sessions with what happened in them, and
// conversations that no session holds, such as one begun by email.
import type { Schemas } from "./api/client";

type Session = Schemas["JourneySession"];
type Conversation = Schemas["Conversation"];

/** An entry of the timeline. */
export type Entry = { kind: "session"; at: number; end: number; session: Session } | { kind: "conversation"; at: number; end: number; conversation: Conversation };

/** Puts sessions and the conversations outside of them in the order of time. */
export function timeline(sessions: readonly Session[], conversations: readonly Conversation[]): Entry[] {
  const inside = new Set<string>();
  for (const s of sessions) for (const i of s.items) if (i.type === "conversation") inside.add(i.conversation ?? i.at);
  const entries: Entry[] = sessions.map((session) => {
    const last = session.items.at(-1)?.at ?? session.ended_at;
    return { kind: "session", at: Date.parse(session.started_at), end: Math.max(Date.parse(session.ended_at), Date.parse(last)), session };
  });
  for (const c of conversations) {
    if (inside.has(c.id) || inside.has(c.at)) continue;
    const at = Date.parse(c.at);
    entries.push({ kind: "conversation", at, end: at, conversation: c });
  }
  return entries.sort((a, b) => a.at - b.at);
}

/** Why a session began, in words. */
export function reasonText(reason: Session["reason"]): string {
  switch (reason) {
    case "first_hit":
      return "It is the first thing this browser ever did here.";
    case "timeout":
      return "Nothing had happened for longer than the session timeout.";
    case "attribution":
      return "The source changed: other UTM parameters, a new click id, or a referrer of another channel.";
    case "midnight":
      return "A new day began in the workspace's time zone; the session continues the source of the one before it.";
  }
}

/** What gave the channel, in words. */
export function sourceText(s: Pick<Session, "channel" | "source" | "medium" | "rule" | "referrer">): string {
  const named = s.medium ? `${s.source || "(none)"} / ${s.medium}` : s.source || "(none)";
  const rule = s.rule.startsWith("rule: ") ? `your own rule “${s.rule.slice("rule: ".length)}”` : `the rule “${s.rule || "none recorded"}”`;
  return `${named} counts as ${s.channel}, by ${rule}.`;
}
