// Which screen an address means, and the frame around all of them.
import { useEffect, useState } from "preact/hooks";
import { asOf } from "./age";
import { ask } from "./api/client";
import { dateTime } from "./format";
import { loadSession, session, sessionProblem, signedOut, zone } from "./session";
import { go, hrefOf, place } from "./url";
import { Chat } from "./screens/chat";
import { Contacts } from "./screens/contacts";
import { Settings } from "./screens/settings";
import { SignIn, SignUp } from "./screens/sign";
import { TrackingCode } from "./screens/tracking";
import { Traffic } from "./screens/traffic";
import { Head, isHere, Link, ProblemNote, Skeleton } from "./ui/basics";
import { Icon, type IconName } from "./ui/icon";
import { later } from "./ui/later";
import { Help, useShortcuts } from "./ui/shortcuts";

const Ads = later(() => import("./screens/ads").then((m) => m.Ads));
const Funnels = later(() => import("./screens/funnels").then((m) => m.Funnels));
const Channels = later(() => import("./screens/channels").then((m) => m.Channels));
const BIAccess = later(() => import("./screens/bi").then((m) => m.BIAccess));
const Goals = later(() => import("./screens/goals").then((m) => m.Goals));
const Paths = later(() => import("./screens/paths").then((m) => m.Paths));
const Content = later(() => import("./screens/places").then((m) => m.Content));
const Locations = later(() => import("./screens/places").then((m) => m.Locations));
const Webhooks = later(() => import("./screens/webhooks").then((m) => m.Webhooks));
const Costs = later(() => import("./screens/costs").then((m) => m.Costs));

/** The whole application. */
export function App() {
  const path = place.value.path;
  const home = session.value && (path === "/" || path === "/dashboards");
  useEffect(() => {
    if (home) go("/contacts", "replace");
  }, [home]);
  if (path === "/sign-in") return <SignIn />;
  if (path === "/sign-up") return <SignUp />;
  if (sessionProblem.value) {
    return (
      <main class="lonely">
        <h1>SourceLoop</h1>
        <ProblemNote problem={sessionProblem.value} again={() => void loadSession()} />
      </main>
    );
  }
  if (session.value === undefined) return <Frame><Skeleton lines={8} /></Frame>;
  if (session.value === null) return <ToSignIn />;
  return (
    <Frame>
      <Screen path={path} />
    </Frame>
  );
}

function ToSignIn() {
  useEffect(() => signedOut(), []);
  return null;
}

function Screen({ path }: { path: string }) {
  if (path === "/contacts" || path.startsWith("/contacts/")) return <Contacts id={decodeId(path.slice("/contacts/".length))} />;
  if (path === "/setup/ads" || path.startsWith("/setup/ads/")) return <Ads />;
  switch (path) {
    case "/":
    case "/dashboards":
      return null;
    case "/dashboards/traffic":
      return <Traffic />;
    case "/funnels":
      return <Funnels />;
    case "/setup":
    case "/setup/chat":
      return <Chat />;
    case "/dashboards/paths":
      return <Paths />;
    case "/dashboards/content":
      return <Content />;
    case "/dashboards/locations":
      return <Locations />;
    case "/setup/ad-cost":
      return <Costs />;
    case "/setup/tracking-code":
      return <TrackingCode />;
    case "/setup/webhooks":
      return <Webhooks />;
    case "/settings/channels":
      return <Channels />;
    case "/settings/bi-access":
      return <BIAccess />;
    case "/settings/goals":
      return <Goals />;
    case "/settings":
      return <Settings />;
    default:
      return <NoPage />;
  }
}

function decodeId(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function NoPage() {
  return (
    <>
      <Head title="No such page" />
      <p>
        Nothing is at this address. <Link href="/contacts">Go to the contacts</Link>.
      </p>
    </>
  );
}

interface Item {
  href: string;
  label: string;
  icon: IconName;
}

const groups: { name: string; items: Item[] }[] = [
  { name: "", items: [{ href: "/contacts", label: "Contacts", icon: "contacts" }] },
  {
    name: "Reports",
    items: [
      { href: "/dashboards/traffic", label: "Traffic", icon: "traffic" },
      { href: "/dashboards/paths", label: "Paths", icon: "path" },
      { href: "/dashboards/content", label: "Content", icon: "page" },
      { href: "/dashboards/locations", label: "Locations", icon: "pin" },
      { href: "/funnels", label: "Funnels", icon: "funnel" },
    ],
  },
  {
    name: "Setup",
    items: [
      { href: "/setup/chat", label: "Chat", icon: "chat" },
      { href: "/setup/ads", label: "Ad platforms", icon: "megaphone" },
      { href: "/setup/ad-cost", label: "Ad cost", icon: "coins" },
      { href: "/setup/tracking-code", label: "Tracking code", icon: "code" },
      { href: "/setup/webhooks", label: "Webhooks", icon: "out" },
    ],
  },
  {
    name: "Workspace",
    items: [
      { href: "/settings/goals", label: "Goals", icon: "flag" },
      { href: "/settings/channels", label: "Channels", icon: "branch" },
      { href: "/settings/bi-access", label: "BI access", icon: "columns" },
      { href: "/settings", label: "Settings", icon: "settings" },
    ],
  },
];

/** The item whose screen is shown: of those that the address lies under, the nearest. */
function current(): string {
  const here = groups.flatMap((g) => g.items.map((i) => i.href)).filter(isHere);
  return here.sort((a, b) => b.length - a.length)[0] ?? "";
}

/** The sidebar, and beside it the screen. */
function Frame({ children }: { children: preact.ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const path = place.value.path;
  useShortcuts(() => setHelp(true));
  useEffect(() => setOpen(false), [path]);
  return (
    <div class="frame">
      <a class="skip" href="#screen">
        Skip to the content
      </a>
      <div class="side">
        <header class="side-top">
          <Link href="/contacts" class="brand">
            <img src="/icon.svg" alt="" width="24" height="24" />
            SourceLoop
          </Link>
          <button type="button" class="button side-toggle" aria-expanded={open} aria-controls="nav" onClick={() => setOpen(!open)} data-testid="menu">
            <Icon name="menu" />
            Menu
          </button>
        </header>
        <nav id="nav" class={open ? "nav nav-open" : "nav"} aria-label="Main">
          {groups.map((g) => (
            <div key={g.name} class="nav-group">
              {g.name && <h2>{g.name}</h2>}
              <ul>
                {g.items.map((i) => (
                  <li key={i.href}>
                    <Link href={i.href} aria-current={i.href === current() ? "page" : undefined} data-testid={`nav-${i.href.slice(1).replace(/\//g, "-")}`}>
                      <Icon name={i.icon} />
                      {i.label}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          ))}
          <Member onHelp={() => setHelp(true)} />
        </nav>
      </div>
      <main id="screen" tabIndex={-1}>
        <Age />
        {children}
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}

/** Says so when numbers are old, and that nothing is lost. */
function Age() {
  if (!asOf.value) return null;
  return (
    <div class="note" role="status" data-testid="as-of">
      <Icon name="warn" />
      <div>
        <strong>These numbers are as of {dateTime(asOf.value, zone())}.</strong>
        <p>What came in since then is stored safely and will be counted as soon as the pipeline has caught up. Nothing needs to be done here; if it stays, tell the operator.</p>
      </div>
    </div>
  );
}

function Member({ onHelp }: { onHelp: () => void }) {
  const now = session.value;
  if (!now) return null;
  const leave = async () => {
    await ask("post", "/api/v1/sign-out").catch(() => undefined);
    // A new page forgets everything that this one holds.
    location.assign(hrefOf("/sign-in", new URLSearchParams()));
  };
  return (
    <div class="member">
      <p class="member-workspace" data-testid="workspace">
        {now.workspace.name}
      </p>
      <p class="member-email">{now.user.email || now.user.name}</p>
      <div class="member-actions">
        <button type="button" class="link" onClick={onHelp}>
          Shortcuts
        </button>
        <button type="button" class="link" onClick={() => void leave()} data-testid="sign-out">
          Sign out
        </button>
      </div>
    </div>
  );
}
