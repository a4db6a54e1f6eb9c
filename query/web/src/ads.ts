// What advertising platforms are called, and what they call things: for people
// who find a number there and put it here.
import type { Schemas } from "./api/client";

/** An advertising platform. */
export type Platform = Schemas["AdPlatform"];

/** Where a push stands. */
export type PushState = Schemas["PushState"];

/** A number that is looked up at the platform. */
export interface Asked {
  label: string;
  hint: string;
  example: string;
}

/** What one platform wants to know of a destination. */
export interface PlatformWords {
  name: string;
  product: string; // What conversions go to, as the platform writes it.
  account: Asked | null;
  action: Asked;
  event: Asked | null;
  dryRun: string; // What a dry run does there.
  token: string; // How a token is made there; "" where there is a consent page.
}

const words: Record<Platform, PlatformWords> = {
  google: {
    name: "Google Ads",
    product: "conversion action",
    account: { label: "Customer ID", hint: "In Google Ads at the top right, beside your account’s name.", example: "123-456-7890" },
    action: {
      label: "Conversion action ID",
      hint: "In Google Ads under Goals → Conversions → Summary, open the conversion action; the number is in the page’s address after ctId=. It must be an action for imports from clicks.",
      example: "7001001",
    },
    event: null,
    dryRun: "Google checks each conversion and counts none.",
    token: "",
  },
  meta: {
    name: "Meta",
    product: "dataset",
    account: null,
    action: { label: "Dataset ID", hint: "In Meta’s Events Manager under Data sources, below the dataset’s name. A pixel’s ID is the same number.", example: "1029384756102938" },
    event: { label: "Event name", hint: "What Meta counts it as. Lead fits a chat; Contact and Schedule are others of its standard events.", example: "Lead" },
    dryRun: "Nothing is sent. To see events arrive at Meta without counting, use a test event code instead.",
    token: "In Meta’s Events Manager, open the dataset, then Settings → Conversions API → Generate access token.",
  },
  linkedin: {
    name: "LinkedIn",
    product: "conversion rule",
    account: { label: "Ad account ID", hint: "In LinkedIn’s Campaign Manager, below the account’s name.", example: "512345678" },
    action: {
      label: "Conversion rule ID",
      hint: "In Campaign Manager under Measurement → Conversion tracking. The rule’s source must be the Conversions API, and it counts only while campaigns use it.",
      example: "8001001",
    },
    event: null,
    dryRun: "Nothing is sent, since LinkedIn has no way to try. What would be sent is checked here.",
    token: "",
  },
};

/** What a platform wants to know, in words. */
export function platformWords(platform: Platform): PlatformWords {
  return words[platform];
}

/** Whether a text names a platform. */
export function isPlatform(text: string): text is Platform {
  return text in words;
}

/** The states of pushes, in the order in which they are listed. */
export const pushStates: readonly { id: PushState; label: string; text: string; style: string }[] = [
  { id: "pending", label: "Pending", text: "Waits for its turn, or for the platform’s word. Nothing needs to be done.", style: "tag" },
  { id: "sent", label: "Sent", text: "The platform has it.", style: "tag tag-good" },
  { id: "pending_identity", label: "No identity yet", text: "There is neither an ad click nor an email or phone that the platform could match by. It is sent when one becomes known.", style: "tag" },
  { id: "skipped_consent", label: "No consent", text: "The visitor did not consent to the use of their data for advertising, so nothing was sent.", style: "tag" },
  { id: "duplicate", label: "Duplicate", text: "The platform had this conversion already, so it counts once.", style: "tag" },
  { id: "error", label: "Error", text: "It was refused, given up or cancelled. Each says why, and what to do.", style: "tag tag-bad" },
];

/** A state's words. */
export function pushState(id: PushState) {
  return pushStates.find((s) => s.id === id) ?? pushStates[0]!;
}

const outcomes: Record<string, string> = {
  sent: "Sent",
  taken: "Taken, and still looked at",
  duplicate: "Duplicate",
  no_identity: "No identity yet",
  no_consent: "No consent",
  refused: "Refused",
  later: "Not taken, to be tried again",
  unclear: "No clear answer",
  alone: "To be sent again alone",
  denied: "Access refused",
};

/** What came of an attempt, for people. */
export function outcomeLabel(outcome: string): string {
  return outcomes[outcome] ?? outcome;
}

/** Meta's standard events that a conversation may be. */
export const metaEvents: readonly string[] = ["Lead", "Contact", "Schedule", "CompleteRegistration", "SubmitApplication", "StartTrial", "Subscribe", "Purchase"];

/** The moment at which a day begins in a time zone. */
export function dayStart(day: string, zone: string): string {
  const midnight = new Date(`${day}T00:00:00Z`);
  // Twice, since the offset at the first guess may be another one.
  let at = midnight.getTime();
  for (let i = 0; i < 2; i++) at = midnight.getTime() - offset(at, zone);
  return new Date(at).toISOString();
}

/** How far a zone is ahead of UTC at a moment, in milliseconds. */
function offset(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" }).formatToParts(new Date(at));
  const part = (type: string) => Number(parts.find((p) => p.type === type)?.value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return local - Math.floor(at / 1000) * 1000;
}
