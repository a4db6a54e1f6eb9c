// What the core and its chunks know of each other.

/** Settings as a site writes them: attributes of the script tag, under what window.SourceLoopConfig says. */
export interface Config {
  /** The site key of the workspace. */
  key: string;
  /** Where hits go: `{endpoint}/sl/hits`. Default: the folder that the script came from. */
  endpoint?: string;
  /** Other sites of the same owner, whose links carry the visitor along: "shop.example, docs.example". */
  domains?: string | string[];
  /** "required": wait for sourceloop.consent; "google": wait for Google Consent Mode; absent: begin at once. */
  consent?: string;
  /** Name of the cookie, or "none" for an id that lives as long as the page. Letters, digits, `_`. */
  cookie?: string;
  /** Tell the console what is going on, as ?sl_debug=1 does. */
  debug?: string | boolean;
  /** Treat Do Not Track as a refusal. */
  dnt?: string | boolean;
  /** The visitor that another of the owner's domains handed over; set by the links chunk. */
  visitor?: string;
}

/** window.sourceloop. The last four are the tracker's own. */
export interface Api {
  /** Says who the visitor is: email, phone, name, user_id. */
  identify(traits: Record<string, string>): void;
  /** Records an event of the site's own. */
  track(name: string, properties?: Record<string, unknown>): void;
  /** Sends what waits, now. */
  flush(): void;
  /** First and last touch as this browser saw them; undefined without consent. */
  getAttribution(): Promise<unknown>;
  /** The visitor's id; undefined without consent. */
  id(): string | undefined;
  /** "granted" or "denied": to being tracked, and to the use of data for advertising. Without a second word that is as the
   * site's dataLayer says, or unknown. */
  consent(answer: string, ads?: string): void;
  /** Tells the console in debug mode; does nothing else. */
  say(what?: unknown): void;
  /** Called before a page view of a single-page app ends. */
  turn(): void;
  /** The second word of consent. */
  told?: string;
  /** What became of Intercom's Messenger on this page, once it was seen: "stub", "pushed", "throttled". */
  chat?: string;
}

/** The address of a chunk is its hash; the promise is that of what the chunk returns. It never rejects. */
export type Load = (hash: string, ready?: () => void) => Promise<any>;

/** Queues a hit; now: sends it at once. */
export type Add = (type: string, more: object, now?: 1) => void;

/** A chunk is a module whose default export is called with these, every time that it is loaded. ready: only when settings must
 * be read first; it begins the tracking. */
export type Chunk = (api: Api, config: Config, load: Load, add: Add, send: (leaving?: 1) => void, ready?: () => void) => unknown;

/** Whether a key of localStorage is a hit of an earlier page, and not one that this page is about to get rid of itself. An
 * earlier page says its last word after the navigation began (timeOrigin), yet before this document did. What is no whole hit
 * is none: one would spoil the body that all of them are sent in. */
export const old = (config: Config, key: string) => {
  const slot = config.cookie || "_sl";
  if (!key.startsWith(slot + '{"id')) return false;
  try {
    return JSON.parse(key.slice(slot.length)).at < performance.timing.domLoading;
  } catch (e) {
    return false;
  }
};
