package hubspot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed" // The SQL below.
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"sourceloop/deploy/standin/ledger"
)

//go:embed sql/schema.sql
var schemaSQL string

//go:embed sql/statements.sql
var statementsSQL string

// maxBody bounds every request body.
const maxBody = 1 << 20

// Server is one stand-in. Handler answers while it is open; Run must be
// running for events to leave. Its methods may be called concurrently.
type Server struct {
	config  Config
	store   *ledger.Store
	limit   *limiter
	faults  *ledger.Faults
	batches *batches
	client  *http.Client
	handler http.Handler

	settings settingsBox
}

// New opens the stand-in that lives in config.Dir, creating it when it is not there.
func New(config Config) (*Server, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	store, err := ledger.Open(filepath.Join(config.Dir, "hubspot.db"), ledger.Schema()+schemaSQL, ledger.Statements()+statementsSQL)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config, store: store, limit: &limiter{most: config.RequestsPer10s, now: config.Now}, batches: newBatches(),
		client: &http.Client{
			Timeout: config.AnswerWithin, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * senders, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.settings.set(settings{WebhookURL: config.WebhookURL})
	if err := s.prepare(context.Background()); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s.handler = s.routes()
	return s, nil
}

// prepare reads what earlier starts left, and makes what only the first makes.
func (s *Server) prepare(ctx context.Context) error {
	err := s.store.Write(ctx, func(tx *ledger.Session) error {
		made := s.config.HubID
		if made == 0 {
			made = 20_000_000 + int64(number(rand.Text())%20_000_000)
		}
		kept, err := tx.Once("hub_id", strconv.FormatInt(made, 10))
		if err != nil {
			return err
		}
		if s.config.HubID == 0 {
			s.config.HubID, err = strconv.ParseInt(kept, 10, 64)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot prepare the stand-in HubSpot: %w", err)
	}
	s.faults, err = ledger.LoadFaults(ctx, s.store, faultKinds())
	return err
}

// Handler answers everything the package comment lists.
func (s *Server) Handler() http.Handler { return s.handler }

// HubID is the account's number, the same at every start on a folder.
func (s *Server) HubID() int64 { return s.config.HubID }

// Close ends the stand-in; what it answered for is on disk already. Stop Run
// and the HTTP server first.
func (s *Server) Close() error { return s.store.Close() }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.oauthRoutes(mux)
	s.apiRoutes(mux)
	s.widgetRoutes(mux)
	s.standinRoutes(mux)
	return mux
}

func number(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:8])
}

// newID is 11 digits, of one space for contacts, visitors, threads: nothing in
// an id says which it is.
func newID() string { return strconv.FormatUint(10_000_000_000+number(rand.Text())%90_000_000_000, 10) }

// hashSecret is how codes and tokens are kept. They are 128 random bits or
// more, so that a plain hash cannot be searched.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// readBody returns at most maxBody bytes; the error says what is wrong in
// words that go into an answer, status says which.
func readBody(r *http.Request) (body []byte, status int, err error) {
	body, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge, errors.New("the body is larger than 1 MB")
	case err != nil:
		return nil, http.StatusBadRequest, errors.New("the body could not be read")
	}
	return body, 0, nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "cannot write the answer as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // The client may be gone; nobody is left to tell.
}

func problem(err error) map[string]string { return map[string]string{"error": err.Error()} }
