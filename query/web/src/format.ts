// How numbers, times and names are written for people.

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const parts = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 2 });
const credit = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const compactForm = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

/** To two decimals, so that sums of fractions are the whole numbers that they are. */
const rounded = (n: number) => Math.round(n * 100) / 100;

/** A count; credits have two decimals, unless they are whole. */
export function count(n: number): string {
  return Number.isInteger(rounded(n)) ? whole.format(rounded(n)) : credit.format(n);
}

/** A count for an axis: "1.2k". */
export function compact(n: number): string {
  return compactForm.format(n).toLowerCase();
}

/** How many times something came back: "3.20×". */
export function times(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

/** A share between 0 and 1: "42%", and "4.0%" where a tenth of it shows, so that numbers of a column stand below each other. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const digits = share !== 0 && Math.abs(share) < 0.1 ? 1 : 0;
  return new Intl.NumberFormat("en-GB", { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share);
}

/** A change against another period: "+12%"; a dash where there is nothing to compare with. */
export function change(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return "–";
  const text = percent(Math.abs(ratio));
  return ratio > 0 ? `+${text}` : ratio < 0 ? `−${text}` : text;
}

/** A change between two shares: "+1.4 points"; a dash where one of them is none. */
export function points(difference: number): string {
  if (!Number.isFinite(difference)) return "–";
  const by = Math.round(difference * 1000) / 10;
  return `${by > 0 ? "+" : by < 0 ? "−" : ""}${parts.format(Math.abs(by))} ${Math.abs(by) === 1 ? "point" : "points"}`;
}

/** An amount in a currency, with cents only where it has some. */
export function money(amount: number, currency: string): string {
  try {
    return new Intl.NumberFormat("en-GB", { style: "currency", currency, maximumFractionDigits: Number.isInteger(rounded(amount)) ? 0 : 2 }).format(amount);
  } catch {
    return `${parts.format(amount)} ${currency}`;
  }
}

/** "1 session", "2 sessions". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${rounded(n) === 1 ? one : many}`;
}

/** A length of time with its two largest units: "1h 5m", "4m 32s", "3d". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const units: [number, string][] = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "m"],
    [1, "s"],
  ];
  const first = units.findIndex(([size]) => s >= size);
  if (first < 0) return "0s";
  const [size, name] = units[first]!;
  const next = units[first + 1];
  const rest = next ? Math.floor((s % size) / next[0]) : 0;
  return rest && next ? `${Math.floor(s / size)}${name} ${rest}${next[1]}` : `${Math.floor(s / size)}${name}`;
}

/** The time between two things, in words: "2 days later". Nothing under a minute. */
export function gap(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return "";
  if (minutes < 60) return `${plural(minutes, "minute")} later`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${plural(hours, "hour")} later`;
  return `${plural(Math.round(hours / 24), "day")} later`;
}

/** How long ago: "just now", "5 min ago", "3 h ago", "2 d ago", then the date. */
export function ago(at: string, zone: string, now: number = Date.now()): string {
  const s = Math.round((now - Date.parse(at)) / 1000);
  if (s < 45) return "just now";
  if (s < 3_570) return `${Math.max(1, Math.round(s / 60))} min ago`;
  if (s < 84_600) return `${Math.round(s / 3_600)} h ago`;
  if (s < 7 * 86_400) return `${Math.round(s / 86_400)} d ago`;
  return date(at, zone);
}

/** A day in a zone: "23 Nov 2026". */
export function date(at: string, zone: string): string {
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: zone }).format(new Date(at));
}

/** A moment in a zone: "23 Nov 2026, 14:05". */
export function dateTime(at: string, zone: string): string {
  const form: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  return new Intl.DateTimeFormat("en-GB", form).format(new Date(at));
}

/** When something that waits is tried next. */
export function dueWords(due: string, zone: string, now: number = Date.now()): string {
  return Date.parse(due) <= now ? "It is tried any moment." : `It is tried next at ${dateTime(due, zone)}.`;
}

/** A time of day in a zone: "14:05:09". */
export function clock(at: string, zone: string): string {
  const form: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone };
  return new Intl.DateTimeFormat("en-GB", form).format(new Date(at));
}

/** The start of a stretch of a trend: a day, or an hour with its day. */
export function stretch(start: string, granularity: string): string {
  const at = new Date(start.length > 10 ? `${start}:00Z` : `${start}T00:00:00Z`);
  const form = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }).format(at);
  switch (granularity) {
    case "hour":
      return form({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    case "month":
      return form({ month: "short", year: "numeric" });
    case "week":
      return `Week of ${form({ day: "numeric", month: "short" })}`;
    default:
      return form({ day: "numeric", month: "short" });
  }
}

/** A country's name; the code itself when it is not known. */
export function country(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  try {
    return new Intl.DisplayNames("en", { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** Text that visitors chose, to stand beside other text: without what turns the direction of writing. */
export function upright(text: string): string {
  return text.replace(/[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g, "");
}

/** "google / cpc", or the source alone. */
export function sourceMedium(touch: { source: string; medium: string }): string {
  const source = upright(touch.source) || "(none)";
  return touch.medium ? `${source} / ${upright(touch.medium)}` : source;
}

/** The address if a browser may be sent there, else undefined: visitors choose what is in a URL. */
export function safeHref(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text)) return undefined;
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** The path of a web address, or its host and path; without the query. Anything else stays as it is. */
export function shortUrl(text: string, withHost = false): string {
  const href = safeHref(text);
  if (!href) return text;
  const url = new URL(href);
  return withHost ? `${url.host.replace(/^www\./, "")}${url.pathname === "/" ? "" : url.pathname}` : url.pathname;
}

/** First letter in upper case: "mobile" as "Mobile". */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The site that all pages of a table lie on, or "" where there are several: the pages are then told apart by their paths alone. What is no web address lies nowhere. */
export function siteOf(pages: readonly string[]): string {
  const hosts = new Set(pages.map(safeHref).filter((p) => p !== undefined).map((p) => new URL(p).host.replace(/^www\./, "")));
  return hosts.size === 1 ? [...hosts][0]! : "";
}

/** A page as a table shows it whose pages all lie on a site, or on several (""). */
export function pageOn(site: string, page: string): string {
  const shown = dimensionValue("landing_page", page);
  return site && safeHref(page) && shown.startsWith(site) ? shown.slice(site.length) || "/" : shown;
}

/** A value of a dimension, as a table shows it. */
export function dimensionValue(dimension: string, key: string): string {
  if (dimension === "country") return country(key);
  if (dimension === "device") return capital(key);
  if (dimension === "landing_page" || dimension === "referrer") return key.replace(/^https?:\/\/(www\.)?/, "").replace(/\/$/, "");
  return key;
}
