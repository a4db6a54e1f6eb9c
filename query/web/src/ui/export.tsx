// What can be taken away from a table: files, and the call that asks for it.
import { useState } from "preact/hooks";
import { Problem } from "../api/client";
import { download, toCsv } from "../csv";
import { asCurl, records, toLines, type Call, type Table } from "../exports";
import { Copy, Menu, ProblemNote } from "./basics";
import { focusBack } from "./focus";

interface Props {
  what: string; // the table's name, for people
  name: string; // the file's name without its ending
  table: (progress: (rows: number) => void) => Table | Promise<Table>;
  call: Call;
  bare?: boolean; // only the icon is shown
  testid?: string;
}

const forms = [
  { id: "csv", label: "CSV", text: "for spreadsheets", type: "text/csv", write: (t: Table) => toCsv([t.head, ...t.rows]) },
  { id: "ndjson", label: "NDJSON", text: "an object a line", type: "application/x-ndjson", write: toLines },
  { id: "json", label: "JSON", text: "one array", type: "application/json", write: (t: Table) => `${JSON.stringify(records(t), null, 2)}\n` },
] as const;

/** The menu of a table. */
export function ExportMenu({ what, name, table, call, bare, testid }: Props) {
  return (
    <Menu label="Export" of={what} icon="download" align="right" bare={bare} testid={testid ?? "export"}>
      {(close) => <Choices name={name} table={table} call={call} close={close} />}
    </Menu>
  );
}

function Choices({ name, table, call, close }: Pick<Props, "name" | "table" | "call"> & { close: () => void }) {
  const [done, setDone] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const save = async (form: (typeof forms)[number]) => {
    const pressed = document.activeElement;
    setProblem(null);
    setDone(0);
    try {
      download(`${name}.${form.id}`, form.write(await table(setDone)), form.type);
      close();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, "The file could not be made", String(error), "Try again."));
    }
    setDone(null);
    focusBack(pressed);
  };
  return (
    <div class="export">
      <ul class="options">
        {forms.map((form) => (
          <li key={form.id}>
            <button type="button" disabled={done !== null} onClick={() => void save(form)} data-testid={`export-${form.id}`}>
              {form.label} <span class="sub">{form.text}</span>
            </button>
          </li>
        ))}
      </ul>
      {done !== null && <p class="sub" role="status">{done ? `${done} rows so far…` : "One moment…"}</p>}
      {problem && <ProblemNote problem={problem} />}
      <Copy text={asCurl(call, location.origin)} label="Copy as API call" testid="export-call" />
      <p class="sub">Put a key from the settings into SOURCELOOP_KEY.</p>
    </div>
  );
}
