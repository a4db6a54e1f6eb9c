// What was checked, one by one; what is not as it should be carries its fix.
import type { Schemas } from "../api/client";
import { Icon } from "./icon";

/** A list of checks. */
export function Checks({ checks, testid }: { checks: Schemas["Check"][]; testid: string }) {
  return (
    <ol class="checklist" data-testid={testid}>
      {checks.map((c) => (
        <li key={c.name} class={c.ok ? "check-ok" : "check-bad"} data-ok={c.ok} data-name={c.name}>
          <Icon name={c.ok ? "check" : "warn"} />
          <div>
            <strong>{c.name}</strong> <span class="hidden">{c.ok ? "is fine" : "needs you"}</span>
            <p>{c.text}</p>
            {!c.ok && c.fix && <p class="fix">{c.fix}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}
