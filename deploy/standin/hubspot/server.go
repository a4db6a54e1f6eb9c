package hubspot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed" // The SQL below.
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"sourceloop/deploy/standin/chats"
	"sourceloop/deploy/standin/front"
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
	limit   *front.Limiter
	faults  *ledger.Faults
	batches *front.Batches
	client  *http.Client
	handler http.Handler

	settings atomic.Pointer[settings] // replaced, never changed
}

// New opens the stand-in that lives in config.Dir, creating it when it is not there.
func New(config Config) (*Server, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	store, err := ledger.Open(filepath.Join(config.Dir, "hubspot.db"), ledger.Schema()+chats.Schema()+schemaSQL, ledger.Statements()+chats.Statements()+statementsSQL)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config, store: store, limit: front.NewLimiter(config.RequestsPer10s, window, config.Now), batches: front.NewBatches(senders),
		client: front.NewClient(config.AnswerWithin, senders),
	}
	s.settings.Store(&settings{WebhookURL: config.WebhookURL})
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
