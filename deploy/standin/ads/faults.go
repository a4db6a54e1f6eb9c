package ads

import (
	"context"
	"net/http"
	"time"

	"sourceloop/deploy/standin/ledger"
)

// Kinds of faults that every platform knows. Each has a number of times it
// still happens.
const (
	faultSlow     = "slow"      // Requests wait before they are taken.
	fault429      = "429"       // Requests exceed the rate limit.
	fault500      = "500"       // Requests meet a server error; nothing was taken.
	faultTimeout  = "timeout"   // What was sent is taken, then nobody answers and the connection ends.
	faultBadToken = "bad_token" // Requests are told that a good token is not one.
	faultNoScope  = "no_scope"  // Requests are told that the token lacks the scope that they need.
	faultRevoke   = "revoke"    // At once: all tokens and codes end.
	faultExpire   = "expire"    // At once: all access tokens end; refresh tokens live on.
)

func faultKinds() []string {
	return []string{faultSlow, fault429, fault500, faultTimeout, faultBadToken, faultNoScope, faultRevoke, faultExpire}
}

const told = "told to fail"

// faulty waits when told to be slow, and answers when told to fail. scope is what
// the request needs.
func (s *Server) faulty(ctx context.Context, scope string) (Answer, error) {
	if err := s.faults.Wait(ctx, faultSlow); err != nil {
		return Answer{}, err
	}
	for _, f := range []struct {
		kind   string
		status int
		words  string
	}{
		{faultBadToken, http.StatusUnauthorized, told}, {faultNoScope, http.StatusForbidden, scope},
		{fault429, http.StatusTooManyRequests, told}, {fault500, http.StatusInternalServerError, told},
	} {
		if _, on, err := s.faults.Take(ctx, f.kind); err != nil {
			return Answer{}, err
		} else if on {
			return s.platform.Refuse(f.status, f.words), nil
		}
	}
	return Answer{}, nil
}

// perhapsSilent ends the connection without an answer when told to, after
// everything was taken.
func (s *Server) perhapsSilent(ctx context.Context) {
	silent, on, err := s.faults.Take(context.WithoutCancel(ctx), faultTimeout)
	if err != nil {
		s.config.Log.Error("cannot take a fault", "standin", s.platform.Name, "error", err)
	}
	if on {
		wait(ctx, silent.Delay())
		panic(http.ErrAbortHandler)
	}
}

func wait(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// fail sets a fault, or does it where it happens at once.
func (s *Server) fail(ctx context.Context, kind string, value ledger.Fault) error {
	now := s.config.Now().UnixMilli()
	switch kind {
	case faultRevoke:
		return s.store.Write(ctx, func(tx *ledger.Session) error {
			if _, err := tx.Exec("code_use_all"); err != nil {
				return err
			}
			_, err := tx.Exec("token_revoke_all", now)
			return err
		})
	case faultExpire:
		return s.store.Write(ctx, func(tx *ledger.Session) error {
			_, err := tx.Exec("token_expire_access", now)
			return err
		})
	}
	return s.faults.Set(ctx, kind, value)
}
