// What ads cost: files that people export from Google, Meta or LinkedIn, shown
// before anything of them is stored; and what is there.
import { useRef, useState } from "preact/hooks";
import { ask, Problem, upload, type BadLine, type Schemas } from "../api/client";
import { forget, useQuery } from "../api/query";
import { download } from "../csv";
import { ago, count, money, plural, upright } from "../format";
import { currency, may, zone } from "../session";
import { Ask } from "../ui/ask";
import { Empty, Head, Link, ProblemNote, Skeleton } from "../ui/basics";
import { Icon } from "../ui/icon";

type Upload = Schemas["CostUpload"];
type Month = Schemas["CostMonth"];


const example = () =>
  [
    "day,source,medium,campaign,cost,currency,clicks,impressions",
    `2026-11-01,google,cpc,brand,"1,234.50",${currency()},310,12045`,
    `2026-11-01,facebook,cpc,autumn sale,80,${currency()},64,9120`,
    `2026-11-02,linkedin,cpc,founders,215.75,${currency()},22,4310`,
    "",
  ].join("\r\n");

/** The screen at /setup/ad-cost. */
export function Costs() {
  const months = useQuery("costs", (signal) => ask("get", "/api/v1/costs", { signal }));
  const changed = () => {
    forget(); // Traffic shows it, too.
    months.reload();
  };
  return (
    <>
      <Head title="Ad cost" />
      <p class="lead">
        Upload what your ads cost by day, and <Link href="/dashboards/traffic">Traffic</Link> sets it against what they brought: cost per conversion and return on spend.
      </p>
      {may("editor") ? <Uploader onStored={changed} /> : <p class="hint">Editors and Admins of this workspace can upload ad cost.</p>}
      {months.problem && <ProblemNote problem={months.problem} again={months.reload} />}
      {!months.data && months.loading && <Skeleton lines={5} />}
      {months.data && <Known items={months.data.items} onDeleted={changed} />}
    </>
  );
}

interface Tried {
  answer?: Upload;
  problem?: Problem;
}

function Uploader({ onStored }: { onStored: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [source, setSource] = useState("");
  const [tried, setTried] = useState<Tried>({});
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const turn = useRef(0);
  const send = async (chosen: File, from: string, preview: boolean) => {
    const mine = ++turn.current;
    setBusy(true);
    try {
      const answer = await upload("/api/v1/costs", { source: from, preview }, chosen);
      if (mine === turn.current) setTried({ answer });
      if (!preview) onStored();
    } catch (error) {
      if (mine === turn.current) setTried({ problem: error instanceof Problem ? error : new Problem(0, "The file could not be read", String(error), "Choose it again.") });
    } finally {
      if (mine === turn.current) setBusy(false);
    }
  };
  const choose = (chosen: File | undefined) => {
    if (!chosen) return;
    setFile(chosen);
    setTried({});
    void send(chosen, source, true);
  };
  return (
    <section class="panel" aria-label="Upload">
      <header class="panel-head">
        <h2>Upload a file</h2>
      </header>
      <p class="hint">
        A CSV file by day, as Google Ads, Meta and LinkedIn export it, in {currency()}. Columns in any order: <b>day</b>, <b>source</b>, <b>campaign</b> and <b>cost</b>; <b>medium</b> (cpc where it is missing),
        currency, clicks and impressions if you like. Source, medium and campaign are what your links have as utm_source, utm_medium and utm_campaign.
      </p>
      <div
        class={over ? "drop drop-over" : "drop"}
        data-testid="drop"
        onDragOver={(e) => {
          e.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => {
          e.preventDefault();
          setOver(false);
          choose(e.dataTransfer?.files[0]);
        }}
      >
        <p class="drop-words">{file ? <strong>{file.name}</strong> : "Drop a file here, or choose one."}</p>
        <input
          ref={input}
          type="file"
          class="hidden"
          accept=".csv,.tsv,.txt,text/csv"
          aria-label="File with ad cost"
          tabIndex={-1}
          data-testid="cost-file"
          onChange={(e) => {
            choose(e.currentTarget.files?.[0]);
            e.currentTarget.value = ""; // The same file can be chosen again once it is corrected.
          }}
        />
        <button type="button" class="button button-main" onClick={() => input.current?.click()} data-testid="cost-choose">
          {file ? "Choose another file" : "Choose a file"}
        </button>
        <button type="button" class="button" onClick={() => download("ad-cost-example.csv", example())} data-testid="cost-example">
          <Icon name="download" />
          Example file
        </button>
      </div>
      <div class="cost-options">
        <label>
          Source, if the file has no such column
          <input type="text" value={source} maxLength={512} list="cost-sources" placeholder="such as google" onInput={(e) => setSource(e.currentTarget.value)} onChange={() => file && void send(file, source, true)} data-testid="cost-source" />
        </label>
        <datalist id="cost-sources">
          {["google", "facebook", "instagram", "linkedin", "bing", "tiktok"].map((s) => (
            <option key={s} value={s} />
          ))}
        </datalist>
      </div>
      <div aria-live="polite" class="tried">
        {busy && <Skeleton lines={3} />}
        {!busy && tried.problem && <Faults problem={tried.problem} />}
        {!busy && tried.answer && file && <Preview answer={tried.answer} onStore={() => void send(file, source, false)} />}
      </div>
    </section>
  );
}

function Faults({ problem }: { problem: Problem }) {
  return (
    <>
      <ProblemNote problem={problem} />
      {problem.lines.length > 0 && (
        <div class="table-box" role="region" aria-label="What is wrong" tabIndex={0}>
          <table class="table table-small" data-testid="bad-lines">
            <thead>
              <tr>
                <th scope="col" class="number">Line</th>
                <th scope="col">What is wrong</th>
                <th scope="col">What to do</th>
              </tr>
            </thead>
            <tbody>
              {problem.lines.map((l: BadLine, i) => (
                <tr key={i}>
                  <td class="number">{l.line}</td>
                  <td class="break">{upright(l.detail)}</td>
                  <td class="break">{l.what_to_do}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

/** What the file says, in one line. */
function says(a: Upload): string {
  const days = a.from === a.to ? a.from : `${a.from} to ${a.to}`;
  const more = [
    a.lines > a.entries ? `${plural(a.lines - a.entries, "line")} about the same day and campaign added up` : "",
    a.skipped > 0 ? `${plural(a.skipped, "line")} with totals passed over` : "",
    a.replaced > 0 && !a.stored ? `${plural(a.replaced, "entry", "entries")} already here will be replaced` : "",
    a.replaced > 0 && a.stored ? `${plural(a.replaced, "entry", "entries")} replaced` : "",
  ].filter(Boolean);
  return [`${money(a.cost, a.currency)} in ${plural(a.entries, "entry", "entries")}, ${days}`, ...more].join(" · ");
}

function Preview({ answer: a, onStore }: { answer: Upload; onStore: () => void }) {
  if (a.stored) {
    return (
      <div class="note" role="status" data-testid="cost-stored">
        <Icon name="check" />
        <div>
          <strong>Stored.</strong>
          <p>{says(a)}</p>
        </div>
        <Link class="button" href="/dashboards/traffic">
          Open Traffic
        </Link>
      </div>
    );
  }
  return (
    <div data-testid="cost-preview">
      <p>{says(a)}</p>
      <div class="table-box" role="region" aria-label="What the file says" tabIndex={0}>
        <table class="table table-small">
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col">Source</th>
              <th scope="col">Medium</th>
              <th scope="col">Campaign</th>
              <th scope="col">Channel</th>
              <th scope="col" class="number">Clicks</th>
              <th scope="col" class="number">Cost</th>
            </tr>
          </thead>
          <tbody>
            {a.sample.map((r, i) => (
              <tr key={i}>
                <td>{r.day}</td>
                <td>{upright(r.source)}</td>
                <td>{upright(r.medium)}</td>
                <td class="break">{upright(r.campaign) || "(none)"}</td>
                <td>{r.channel}</td>
                <td class="number">{count(r.clicks)}</td>
                <td class="number">{money(r.cost, a.currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {a.entries > a.sample.length && <p class="hint">The first {a.sample.length} of {count(a.entries)}.</p>}
      <p>
        <button type="button" class="button button-main" onClick={onStore} data-testid="cost-store">
          Store {plural(a.entries, "entry", "entries")}
        </button>
      </p>
    </div>
  );
}

/** "November 2026". */
function monthName(month: string): string {
  return new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${month}-01T00:00:00Z`));
}

function Known({ items, onDeleted }: { items: Month[]; onDeleted: () => void }) {
  const [asked, setAsked] = useState<Month | null>(null);
  if (items.length === 0) {
    return (
      <Empty kind="nothing" title="No ad cost yet">
        <p>What you upload is listed here by month.</p>
      </Empty>
    );
  }
  return (
    <section class="panel" aria-label="What is there">
      <header class="panel-head">
        <h2>What is there</h2>
      </header>
      <div class="table-box" role="region" aria-label="Ad cost by month" tabIndex={0}>
        <table class="table table-small" data-testid="cost-months">
          <thead>
            <tr>
              <th scope="col">Month</th>
              <th scope="col">Source / medium</th>
              <th scope="col">Days</th>
              <th scope="col" class="number">Campaigns</th>
              <th scope="col" class="number">Clicks</th>
              <th scope="col" class="number">Cost</th>
              <th scope="col">Uploaded</th>
              {may("editor") && (
                <th scope="col">
                  <span class="hidden">Delete</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {items.map((m) => (
              <tr key={`${m.month} ${m.source} ${m.medium}`} data-month={m.month} data-source={m.source}>
                <th scope="row">{monthName(m.month)}</th>
                <td>
                  {upright(m.source)} / {upright(m.medium)}
                </td>
                <td>{m.from === m.to ? m.from : `${m.from} to ${m.to}`}</td>
                <td class="number">{count(m.campaigns)}</td>
                <td class="number">{count(m.clicks)}</td>
                <td class="number strong">{money(m.cost, m.currency)}</td>
                <td>{ago(m.uploaded_at, zone())}</td>
                {may("editor") && (
                  <td>
                    <button type="button" class="button button-icon" aria-label={`Delete ${monthName(m.month)} of ${m.source}`} onClick={() => setAsked(m)} data-testid="cost-delete">
                      <Icon name="trash" />
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asked && (
        <DeleteDialog
          month={asked}
          onClose={(deleted) => {
            setAsked(null);
            if (deleted) onDeleted();
          }}
        />
      )}
    </section>
  );
}

/** The last day of a month. */
function lastOf(month: string): string {
  const [y, m] = month.split("-").map(Number);
  return new Date(Date.UTC(y ?? 0, m ?? 0, 0)).toISOString().slice(0, 10);
}

function DeleteDialog({ month: m, onClose }: { month: Month; onClose: (deleted: boolean) => void }) {
  return (
    <Ask
      title={`Delete ${monthName(m.month)} of ${m.source}?`}
      text={`Everything uploaded for ${m.source} in these days goes, of every medium and campaign. Traffic then shows no cost for it. It can be uploaded again.`}
      label="Delete"
      keep="Keep it"
      testid="cost-delete-dialog"
      confirm="cost-delete-confirm"
      act={() => ask("delete", "/api/v1/costs", { query: { from: `${m.month}-01`, to: lastOf(m.month), source: m.source } })}
      onDone={() => onClose(true)}
      onClose={() => onClose(false)}
    />
  );
}
