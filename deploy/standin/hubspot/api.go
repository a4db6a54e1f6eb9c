package hubspot

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

// call is one API request past authentication and limit.
type call struct {
	ctx  context.Context
	r    *http.Request
	body []byte
}

// answer is what an operation says; body is nil with 204; header may be nil.
type answer struct {
	status int
	body   any
	header http.Header
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

func refuse(status int, category, message string) answer {
	return answer{status: status, body: map[string]any{
		"status": "error", "message": message, "correlationId": rand.Text(), "category": category,
	}}
}

func (a answer) isZero() bool { return a.status == 0 }

// operation is one API operation.
type operation struct {
	run         func(*call) (answer, error)
	scope       string
	write       bool // Changes the account.
	planLimited bool // May be refused by plan.
}

func (s *Server) apiRoutes(mux *http.ServeMux) {
	const schemaScope = "crm.schemas.contacts.write"
	operations := map[string]operation{
		"DELETE /appinstalls/2026-03/external-install": {run: s.uninstall, scope: "oauth"},
		"GET /crm/v3/properties/contacts":              {run: s.listProperties, scope: schemaScope},
		"GET /crm/v3/properties/contacts/{name}":       {run: s.getProperty, scope: schemaScope},
		"POST /crm/v3/properties/contacts":             {run: s.createProperty, scope: schemaScope, write: true},
		"POST /crm/v3/objects/contacts/search":         {run: s.searchContacts, scope: "crm.objects.contacts.read"},
		"GET /crm/v3/objects/contacts/{id}":            {run: s.getContact, scope: "crm.objects.contacts.read"},
		"PATCH /crm/v3/objects/contacts/{id}":          {run: s.updateContact, scope: "crm.objects.contacts.write", write: true},
	}
	for _, base := range []string{"/conversations/v3/conversations", "/conversations/conversations/2026-09"} {
		for path, run := range map[string]func(*call) (answer, error){
			"/threads": s.listThreads, "/threads/{id}": s.getThread, "/threads/{id}/messages": s.listMessages, "/actors/{id}": s.getActor,
		} {
			operations["GET "+base+path] = operation{run: run, scope: "conversations.read", planLimited: true}
		}
	}
	for pattern, op := range operations {
		mux.Handle(pattern, s.logged(op.write, s.authorized(op)))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write := r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
		s.logged(write, func(http.Header, *http.Request, []byte) (answer, error) {
			return refuse(http.StatusNotFound, "OBJECT_NOT_FOUND", "resource not found"), nil
		}).ServeHTTP(w, r)
	})
}

// endpoint is a handler whose answer is not yet written.
type endpoint func(http.Header, *http.Request, []byte) (answer, error)

// logRequest keeps a request; what is secret in it is not.
func (s *Server) logRequest(r *http.Request, body []byte, status int, write bool) error {
	return s.store.Write(r.Context(), func(tx *ledger.Session) error {
		return tx.LogRequest(s.config.Now(), r, body, status, write)
	})
}

// logged reads the body, applies the faults that hit any request, and writes
// the answer once the request log holds it.
func (s *Server) logged(write bool, next endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, status, err := front.ReadBody(r, maxBody)
		reply := answer{}
		if err != nil {
			reply = refuse(status, "VALIDATION_ERROR", err.Error())
		} else if reply, err = s.faulty(r.Context()); err == nil && reply.isZero() {
			reply, err = next(w.Header(), r, body)
		}
		if err != nil {
			s.config.Log.Error("the stand-in HubSpot could not answer", "method", r.Method, "path", r.URL.Path, "error", err)
			reply = refuse(http.StatusInternalServerError, "INTERNAL_ERROR", "internal error")
		}
		if err := s.logRequest(r, body, reply.status, write); err != nil {
			s.config.Log.Error("the stand-in HubSpot could not write its request log", "error", err)
			reply = refuse(http.StatusInternalServerError, "INTERNAL_ERROR", "internal error")
		}
		for name, values := range reply.header {
			w.Header()[name] = values
		}
		if reply.status == http.StatusNoContent {
			w.WriteHeader(reply.status)
			return
		}
		front.WriteJSON(w, reply.status, reply.body)
	})
}

// faulty waits when told to be slow, and answers when told to fail.
func (s *Server) faulty(ctx context.Context) (answer, error) {
	if err := s.faults.Wait(ctx, faultSlow); err != nil {
		return answer{}, err
	}
	for kind, reply := range map[string]func() answer{fault429: s.tooMany, fault500: serverError} {
		if _, on, err := s.faults.Take(ctx, kind); err != nil {
			return answer{}, err
		} else if on {
			return reply(), nil
		}
	}
	return answer{}, nil
}

func serverError() answer {
	return refuse(http.StatusInternalServerError, "INTERNAL_ERROR", "internal error")
}

func stale() answer {
	return refuse(http.StatusUnauthorized, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired")
}

func (s *Server) tooMany() answer {
	reply := refuse(http.StatusTooManyRequests, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.")
	reply.header = rateHeader(s.limit.Most(), 0)
	reply.header.Set("Retry-After", "1")
	return reply
}

// authorized admits a live token with the operation's scope, within the limit.
func (s *Server) authorized(op operation) endpoint {
	return func(header http.Header, r *http.Request, body []byte) (answer, error) {
		scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		t, live, err := findToken(s.store.Read(r.Context()), strings.TrimSpace(secret))
		if err != nil {
			return answer{}, err
		}
		if !live || t.kind != "access" || !strings.EqualFold(scheme, "Bearer") {
			return refuse(http.StatusUnauthorized, "INVALID_AUTHENTICATION", "Authentication credentials not found or invalid"), nil
		}
		if t.expiresMS <= s.config.Now().UnixMilli() {
			return stale(), nil
		}
		if _, on, err := s.faults.Take(r.Context(), fault401); err != nil || on {
			return stale(), err
		}
		remaining, admitted := s.limit.Take()
		for name, values := range rateHeader(s.limit.Most(), remaining) {
			header[name] = values
		}
		if !admitted {
			return s.tooMany(), nil
		}
		if !slices.Contains(strings.Fields(t.scopes), op.scope) {
			return refuse(http.StatusForbidden, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call."), nil
		}
		if op.planLimited {
			if _, on, err := s.faults.Take(r.Context(), faultPlan); err != nil || on {
				return refuse(http.StatusForbidden, "FORBIDDEN", "This account's plan does not include this."), err
			}
		}
		return op.run(&call{ctx: r.Context(), r: r, body: body})
	}
}

// window is the time that the limit is counted in.
const window = 10 * time.Second

func rateHeader(limit, remaining int) http.Header {
	header := http.Header{}
	header.Set("X-HubSpot-RateLimit-Max", strconv.Itoa(limit))
	header.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(remaining))
	header.Set("X-HubSpot-RateLimit-Interval-Milliseconds", strconv.FormatInt(window.Milliseconds(), 10))
	return header
}
