package intercom

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

// maxBody bounds every request body.
const maxBody = 1 << 20

// Server is one stand-in. Handler answers while it is open; Run must be
// running for notifications to leave. Its methods may be called concurrently.
type Server struct {
	config   Config
	store    store
	spec     *spec
	limit    *front.Limiter
	faults   *ledger.Faults
	batches  *front.Batches
	client   *http.Client
	handler  http.Handler
	location *time.Location
	settings atomic.Pointer[settings] // replaced, never changed
}

// New opens the stand-in that lives in config.Dir, creating it when it is not there.
func New(config Config) (*Server, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	location, err := time.LoadLocation(config.Timezone)
	if err != nil {
		return nil, fmt.Errorf("cannot use the workspace's time zone: %w", err)
	}
	spec, err := loadSpec()
	if err != nil {
		return nil, err
	}
	st, err := openStore(config.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config, store: st, spec: spec, location: location,
		limit:   newLimiter(config.RequestsPerMinute, config.Now),
		batches: front.NewBatches(senders),
		client:  front.NewClient(config.AnswerWithin, senders),
	}
	if err := s.prepare(context.Background()); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	s.handler = s.dated(s.routes())
	return s, nil
}

// prepare reads what earlier starts left, and makes what only the first makes.
func (s *Server) prepare(ctx context.Context) error {
	err := s.store.write(ctx, func(tx session) error {
		appID, err := tx.Once("app_id", cmp.Or(s.config.AppID, "nw"+strings.ToLower(rand.Text()[:6])))
		if err != nil {
			return err
		}
		s.config.AppID = cmp.Or(s.config.AppID, appID)
		if _, err = tx.Once("created", fmt.Sprint(s.config.Now().Unix())); err != nil {
			return err
		}
		return tx.standardAttributes(s.config.Now().Unix())
	})
	if err != nil {
		return fmt.Errorf("cannot prepare the stand-in Intercom: %w", err)
	}
	if s.faults, err = ledger.LoadFaults(ctx, s.store.Store, faultKinds()); err != nil {
		return err
	}
	return s.loadSettings(ctx)
}

// Handler answers everything the package comment lists.
func (s *Server) Handler() http.Handler { return s.handler }

// AppID is the Intercom workspace's id_code, the same at every start on a folder.
func (s *Server) AppID() string { return s.config.AppID }

// Close ends the stand-in; what it answered for is on disk already. Stop Run
// and the HTTP server first.
func (s *Server) Close() error { return s.store.Close() }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	page := s.consent()
	mux.HandleFunc("GET /oauth", page.Ask)
	mux.HandleFunc("POST /oauth", page.Decide)
	mux.HandleFunc("GET "+front.Sheet, front.ServeSheet)
	mux.HandleFunc("GET /messenger.js", front.Asset(assets, "assets/messenger.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /widget/{app_id}", front.Asset(assets, "assets/messenger.js", "text/javascript; charset=utf-8"))
	s.messengerRoutes(mux)
	s.inboxRoutes(mux)
	s.standinRoutes(mux)
	s.apiRoutes(mux)
	return mux
}

// newID returns an identifier as long as Intercom's contact ids: 24 hex
// digits. Equal seeds give equal ids, an empty seed a random one.
func (s *Server) newID(kind, seed string) string {
	if seed == "" {
		seed = rand.Text()
	}
	sum := sha256.Sum256([]byte(s.config.AppID + "\x00" + kind + "\x00" + seed))
	return hex.EncodeToString(sum[:12])
}

// newNumber is newID for what Intercom numbers: 15 decimal digits.
func (s *Server) newNumber(kind, seed string) string {
	if seed == "" {
		seed = rand.Text()
	}
	sum := sha256.Sum256([]byte(s.config.AppID + "\x00" + kind + "\x00" + seed))
	var n uint64
	for _, b := range sum[:8] {
		n = n<<8 | uint64(b)
	}
	return fmt.Sprint(100_000_000_000_000 + n%900_000_000_000_000)
}
