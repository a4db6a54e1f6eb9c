package ads

import (
	"context"
	_ "embed" // The SQL below.
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

//go:embed sql/schema.sql
var schemaSQL string

//go:embed sql/statements.sql
var statementsSQL string

// maxBody bounds every request body: 5,000 events have room in it.
const maxBody = 16 << 20

// Server is one stand-in. Its methods may be called concurrently.
type Server struct {
	config   Config
	platform Platform
	store    *ledger.Store
	faults   *ledger.Faults
	limit    *front.Limiter
	mux      *http.ServeMux
}

// New opens the stand-in that lives in config.Dir, creating it when it is not
// there. The platform adds its endpoints with Handle.
func New(config Config, platform Platform) (*Server, error) {
	if err := config.complete(&platform); err != nil {
		return nil, err
	}
	store, err := ledger.Open(filepath.Join(config.Dir, platform.Name+".db"),
		ledger.Schema()+schemaSQL+platform.Schema, ledger.Statements()+statementsSQL+platform.Statements)
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, platform: platform, store: store, mux: http.NewServeMux()}
	s.limit = front.NewLimiter(config.RequestsPerMinute, time.Minute, config.Now)
	if s.faults, err = ledger.LoadFaults(context.Background(), store, append(faultKinds(), platform.Faults...)); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s.oauthRoutes()
	s.operatorRoutes()
	s.mux.Handle("/", s.logged(false, func(*Call) (Answer, error) {
		return s.platform.Refuse(http.StatusNotFound, "nothing is at this address"), nil
	}))
	return s, nil
}

// Handler answers everything.
func (s *Server) Handler() http.Handler { return s.mux }

// Run waits for the end: a stand-in of this kind sends nothing by itself.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Close ends the stand-in; what it answered for is on disk already. Stop the
// HTTP server first.
func (s *Server) Close() error { return s.store.Close() }

// Now is the time by the stand-in's clock.
func (s *Server) Now() time.Time { return s.config.Now() }

// Read returns a session on what is kept.
func (s *Server) Read(ctx context.Context) *ledger.Session { return s.store.Read(ctx) }

// Write runs fn alone; what it did is on disk when Write returns.
func (s *Server) Write(ctx context.Context, fn func(*ledger.Session) error) error {
	return s.store.Write(ctx, fn)
}

// Fault uses one of the platform's faults up, and says whether there was one.
func (s *Server) Fault(ctx context.Context, kind string) (bool, error) {
	_, on, err := s.faults.Take(ctx, kind)
	return on, err
}

// Call is one request past authentication, limit and faults.
type Call struct {
	Request *http.Request
	Body    []byte
}

// Operation is one endpoint of the platform's API.
type Operation struct {
	Run   func(*Call) (Answer, error)
	Scope string // That the token must have.
	Write bool   // It changes something.
}

// Handle adds an endpoint of the API.
func (s *Server) Handle(pattern string, op Operation) {
	s.mux.Handle(pattern, s.logged(op.Write, func(c *Call) (Answer, error) { return s.authorized(op, c) }))
}

// Page adds an endpoint that answers browsers and is not logged.
func (s *Server) Page(pattern string, page http.HandlerFunc) { s.mux.HandleFunc(pattern, page) }

func (s *Server) authorized(op Operation, c *Call) (Answer, error) {
	t, live, err := findToken(s.store.Read(c.Request.Context()), s.presented(c))
	if err != nil {
		return Answer{}, err
	}
	if !live || t.kind != "access" || t.expiresMS <= s.config.Now().UnixMilli() {
		return s.platform.Refuse(http.StatusUnauthorized, "the access token is missing, has expired or was revoked"), nil
	}
	if reply, err := s.faulty(c.Request.Context(), op.Scope); err != nil || reply.Status != 0 {
		return reply, err
	}
	if _, admitted := s.limit.Take(); !admitted {
		return s.platform.Refuse(http.StatusTooManyRequests, "too many requests in this minute"), nil
	}
	if !slices.Contains(strings.Fields(t.scopes), op.Scope) {
		return s.platform.Refuse(http.StatusForbidden, op.Scope), nil
	}
	return op.Run(c)
}

// presented is the access token of a request: in the header, or where the
// platform takes it beside that.
func (s *Server) presented(c *Call) string {
	scheme, secret, _ := strings.Cut(c.Request.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(secret)
	}
	name := s.platform.TokenInBody
	if name == "" {
		return ""
	}
	if token := c.Request.URL.Query().Get(name); token != "" {
		return token
	}
	var members map[string]json.RawMessage
	var token string
	if json.Unmarshal(c.Body, &members) != nil || json.Unmarshal(members[name], &token) != nil {
		return ""
	}
	return token
}

// logged reads the body and answers once the request log holds the request.
func (s *Server) logged(write bool, next func(*Call) (Answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := Answer{}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			reply, body = s.platform.Refuse(http.StatusRequestEntityTooLarge, "the body is too large, or broke off"), nil
		} else if reply, err = next(&Call{Request: r, Body: body}); err != nil {
			s.config.Log.Error("the stand-in could not answer", "standin", s.platform.Name, "path", r.URL.Path, "error", err)
			reply = s.platform.Refuse(http.StatusInternalServerError, "internal error")
		}
		if err := s.logRequest(r, body, reply.Status, write); err != nil {
			s.config.Log.Error("the stand-in could not write its request log", "standin", s.platform.Name, "error", err)
			reply = s.platform.Refuse(http.StatusInternalServerError, "internal error")
		}
		if write && reply.Status < http.StatusMultipleChoices {
			s.perhapsSilent(r.Context())
		}
		writeAnswer(w, reply)
	})
}

func (s *Server) logRequest(r *http.Request, body []byte, status int, write bool) error {
	shown, contentType := s.redactBody(r, body)
	told := r.Clone(context.WithoutCancel(r.Context()))
	told.Header.Set("Content-Type", contentType)
	return s.store.Write(told.Context(), func(tx *ledger.Session) error {
		return tx.LogRequest(s.config.Now(), told, shown, status, write)
	})
}

func writeAnswer(w http.ResponseWriter, reply Answer) {
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	if reply.Body == nil {
		w.WriteHeader(reply.Status)
		return
	}
	body, err := json.Marshal(reply.Body)
	if err != nil {
		http.Error(w, "cannot write the answer as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(reply.Status)
	_, _ = w.Write(append(body, '\n')) // The client may be gone; nobody is left to tell.
}
