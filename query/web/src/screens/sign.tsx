// Signing in, and signing up by a one-time link.
import { useEffect } from "preact/hooks";
import { ask } from "../api/client";
import { forget } from "../api/query";
import { session, type Session } from "../session";
import { go, localPath, place } from "../url";
import { ProblemNote } from "../ui/basics";
import { useSubmit } from "../ui/form";

/** Goes on as the one who signed in, without the answers that whoever was here before was given. */
function enter(now: Session, next: string) {
  forget();
  session.value = now;
  go(next, "replace");
}

/** The page at /sign-in. */
export function SignIn() {
  useEffect(() => {
    document.title = "Sign in · SourceLoop";
  }, []);
  const { problem, busy, onSubmit } = useSubmit(async (typed) => {
    const now = await ask("post", "/api/v1/sign-in", { body: { email: typed("email"), password: typed("password", "whole") } });
    enter(now, localPath(place.value.query.get("next")));
  });
  return (
    <main class="lonely">
      <Brand />
      <form class="card sign" onSubmit={onSubmit} data-testid="sign-in">
        <h1>Sign in</h1>
        {problem && <ProblemNote problem={problem} />}
        <label>
          Email
          <input name="email" type="email" autocomplete="username" required data-testid="email" />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required data-testid="password" />
        </label>
        <button type="submit" class="button button-main" disabled={busy} data-testid="submit">
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

/** The page at /sign-up?token=…, where the first Owner makes a workspace. */
export function SignUp() {
  const token = place.value.query.get("token") ?? "";
  useEffect(() => {
    document.title = "Sign up · SourceLoop";
  }, []);
  const { problem, busy, onSubmit } = useSubmit(async (typed) => {
    const now = await ask("post", "/api/v1/sign-up", {
      body: { token, email: typed("email"), password: typed("password", "whole"), workspace: typed("workspace"), zone: typed("zone"), currency: typed("currency").toUpperCase() },
    });
    enter(now, "/setup/tracking-code");
  });
  return (
    <main class="lonely">
      <Brand />
      {token ? (
        <form class="card sign" onSubmit={onSubmit} data-testid="sign-up">
          <h1>Create your workspace</h1>
          <p class="hint">This link works once. You become the Owner.</p>
          {problem && <ProblemNote problem={problem} />}
          <SignUpFields />
          <button type="submit" class="button button-main" disabled={busy} data-testid="submit">
            {busy ? "Creating…" : "Create workspace"}
          </button>
        </form>
      ) : (
        <div class="card sign">
          <h1>This link is not complete</h1>
          <p>Signing up needs the whole one-time link that the server printed when it started. Copy it again from there.</p>
        </div>
      )}
    </main>
  );
}

function SignUpFields() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const zones = [...new Set(["UTC", here, ...Intl.supportedValuesOf("timeZone")])];
  const currencies = [...new Set(["EUR", "USD", "GBP", ...Intl.supportedValuesOf("currency")])];
  return (
    <>
      <label>
        Email
        <input name="email" type="email" autocomplete="username" required data-testid="email" />
      </label>
      <label>
        Password
        <input name="password" type="password" autocomplete="new-password" minLength={10} required aria-describedby="password-hint" data-testid="password" />
      </label>
      <p class="hint" id="password-hint">
        At least 10 characters; a sentence is easier to keep than a riddle.
      </p>
      <label>
        Workspace name
        <input name="workspace" type="text" autocomplete="organization" maxLength={100} required data-testid="workspace-name" />
      </label>
      <div class="pair">
        <label>
          Time zone
          <select name="zone" data-testid="zone">
            {zones.map((z) => (
              <option key={z} selected={z === here}>
                {z}
              </option>
            ))}
          </select>
        </label>
        <label>
          Currency
          <select name="currency" data-testid="currency">
            {currencies.map((c) => (
              <option key={c}>{c}</option>
            ))}
          </select>
        </label>
      </div>
    </>
  );
}

function Brand() {
  return (
    <p class="brand">
      <img src="/icon.svg" alt="" width="32" height="32" />
      SourceLoop
    </p>
  );
}
