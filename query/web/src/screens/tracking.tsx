// Setup → Tracking code: copy it, then see whether it works.
import { ask } from "../api/client";
import { useQuery } from "../api/query";
import { Copy, Head, ProblemNote, Skeleton } from "../ui/basics";
import { Checks } from "../ui/checks";
import { Field, Fields } from "../ui/fields";

/** The screen at /setup/tracking-code. */
export function TrackingCode() {
  const tracking = useQuery("tracking", (signal) => ask("get", "/api/v1/tracking", { signal }));
  const verify = useQuery("verify", (signal) => ask("get", "/api/v1/tracking/verify", { signal }), 3_000);
  const waiting = verify.data?.checks.some((c) => !c.ok);
  return (
    <>
      <Head title="Tracking code" />
      <p class="lead">Put this on every page of your site, most simply before the closing head tag. It sets one first-party cookie. Where your site forbids inline scripts, the tag with “src” is enough.</p>
      {tracking.problem && <ProblemNote problem={tracking.problem} again={tracking.reload} />}
      {!tracking.data && tracking.loading && <Skeleton lines={3} />}
      {tracking.data && (
        <section class="panel" aria-label="Tracking code">
          <header class="panel-head">
            <h2>Your code</h2>
            <Copy text={tracking.data.snippet} label="Copy the code" testid="copy" />
          </header>
          <pre class="snippet" tabIndex={0} aria-label="Tracking code" data-testid="snippet">
            {tracking.data.snippet}
          </pre>
          <Fields>
            <Field name="site_key" label="Site key" value={tracking.data.site_key} />
            <Field name="tracker_url" label="Fixed version" value={tracking.data.tracker_url} />
            <Field name="sri" label="Its integrity hash" value={tracking.data.sri} />
          </Fields>
        </section>
      )}
      <section class="panel" aria-label="Checks">
        <header class="panel-head">
          <h2>Does it work?</h2>
          {waiting && (
            <p class="waiting" role="status">
              <span class="pulse" aria-hidden="true" /> Checking every 3 seconds
            </p>
          )}
        </header>
        {verify.problem && <ProblemNote problem={verify.problem} again={verify.reload} />}
        {!verify.data && verify.loading && <Skeleton lines={5} />}
        {verify.data && <Checks checks={verify.data.checks} testid="checks" />}
      </section>
    </>
  );
}
