package collect

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/control/conversion"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/failpoint"
	"sourceloop/schema"
)

// Sites knows the workspaces by the public key in their snippet.
type Sites interface {
	BySiteKey(key string) (*schema.Workspace, bool)
}

// Routes knows which connection a provider's workspace (app) belongs to. It
// must not find one that was disconnected. It may lag behind the settings;
// Refresh takes up what they are now.
type Routes interface {
	Route(provider, app string) (workspace uint32, connection int64, ok bool)
	Refresh(ctx context.Context) error
}

// Log keeps records. Append returns nil when all of them are durable: then a
// 2xx is sent. The context bounds how long it waits for Kafka; what it can keep
// elsewhere it may keep after that. After an error some may have been kept;
// sending them again is harmless. The slices are the log's until it returns, and
// ours again after a nil error.
type Log interface {
	Append(ctx context.Context, topic string, keys, values [][]byte) error
}

// Signals hears which kinds of deliveries reached the webhook addresses, of
// apps that are somebody's. Note must not block.
type Signals interface {
	Note(provider, app, what string, at schema.Millis)
}

// Agents reads user agents.
type Agents interface {
	Parse(ua string) enrich.Agent
}

// Countries tells a country by address, a trusted proxy's header, or time zone.
type Countries interface {
	Country(addr netip.Addr, header, tz string) (code, source string)
}

// Config is what an operator may choose.
type Config struct {
	ScriptPath string // of the tracker, ending in .js; "/sl.js" when empty
	HitsPath   string // "/sl/hits" when empty

	TrustedProxies []netip.Prefix // whose X-Forwarded-For and CountryHeader are believed
	CountryHeader  string         // for example CF-IPCountry; "" for none

	AddressRate Rate // hits per network address, a /64 in IPv6; loopback is free
	KeyRate     Rate // hits per site key
	VisitorRate Rate // hits per visitor

	IncomingRate Rate // conversions per address of an incoming webhook

	Hooks       []Hooks       // of the providers whose webhooks are taken
	HitTimeout  time.Duration // how long Kafka may take for hits; 2 s when 0
	HookTimeout time.Duration // and for webhooks; 2 s when 0, because Intercom waits 5, and the disk takes some
}

// DefaultConfig has limits that no site's real traffic reaches.
func DefaultConfig() Config {
	return Config{
		ScriptPath: "/sl.js", HitsPath: "/sl/hits",
		AddressRate:  Rate{PerSecond: 2_000, Burst: 50_000},
		KeyRate:      Rate{PerSecond: 1_000_000, Burst: 10_000_000},
		VisitorRate:  Rate{PerSecond: 20, Burst: 4_000},
		IncomingRate: Rate{PerSecond: 50, Burst: 5_000}, // More than any program that is not broken sends.
		HitTimeout:   2 * time.Second, HookTimeout: 2 * time.Second,
	}
}

// Deps are what the edge works with. All but Signals, Incoming and Fail are
// needed.
type Deps struct {
	Tracker    http.Handler // serves the script
	Sites      Sites
	Routes     Routes
	Log        Log
	Agents     Agents
	Countries  Countries
	Now        func() time.Time
	Random     io.Reader // for ids; crypto/rand.Reader
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	Signals    Signals               // nil: nobody listens
	Incoming   Incoming              // nil: no program tells of conversions here
	Persons    conversion.Normalizer // with Incoming
	Fail       failpoint.Reach       // for tests
}

// Edge answers the collector's requests. It is safe for concurrent use.
type Edge struct {
	config    Config
	deps      Deps
	trust     *trust
	addresses *limiter
	keys      *limiter
	visitors  *limiter
	incoming  *limiter
	metrics   *metrics
	batches   sync.Pool // of *batch
	deadlines deadlines // of hits

	complained atomic.Int64 // ns since 1970, when it was last logged that the log fails

	// Header values that every answer shares, and nobody changes.
	anyOrigin, jsonType []string
}

// New makes an edge.
func New(config Config, deps Deps) (*Edge, error) {
	if deps.Tracker == nil || deps.Sites == nil || deps.Routes == nil || deps.Log == nil || deps.Agents == nil ||
		deps.Countries == nil || deps.Now == nil || deps.Random == nil || deps.Registerer == nil || deps.Logger == nil {
		return nil, errors.New("cannot make a collector: something it works with is missing")
	}
	if deps.Incoming != nil && deps.Persons == nil {
		return nil, errors.New("cannot make a collector: it takes conversions, and nothing says what an email is")
	}
	defaults := DefaultConfig()
	if config.ScriptPath == "" {
		config.ScriptPath = defaults.ScriptPath
	}
	if config.HitsPath == "" {
		config.HitsPath = defaults.HitsPath
	}
	if config.HitTimeout == 0 {
		config.HitTimeout = defaults.HitTimeout
	}
	if config.HookTimeout == 0 {
		config.HookTimeout = defaults.HookTimeout
	}
	e := &Edge{
		config: config, deps: deps, trust: newTrust(config.TrustedProxies, config.CountryHeader),
		addresses: newLimiter(config.AddressRate, 1<<16),
		keys:      newLimiter(config.KeyRate, 1<<12),
		visitors:  newLimiter(config.VisitorRate, 1<<18),
		incoming:  newLimiter(config.IncomingRate, 1<<10),
		metrics:   newMetrics(deps.Registerer),
		deadlines: deadlines{timeout: config.HitTimeout},
		anyOrigin: []string{"*"}, jsonType: []string{"application/json"},
	}
	e.batches.New = func() any { return newBatch() }
	return e, nil
}

// Register mounts the edge's routes. It gives the server an IPExtractor that
// believes the configured proxies only, where it has none: echo's own believes
// X-Forwarded-For from anybody.
func (e *Edge) Register(server *echo.Echo) {
	if server.IPExtractor == nil {
		server.IPExtractor = e.trust.extractor
	}
	script := echo.WrapHandler(e.deps.Tracker)
	versions := strings.TrimSuffix(e.config.ScriptPath, ".js") + ".:version"
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		server.Add(method, e.config.ScriptPath, script)
		server.Add(method, versions, script)
	}
	server.POST(e.config.HitsPath, e.hits)
	server.OPTIONS(e.config.HitsPath, preflight)
	if e.deps.Incoming != nil {
		server.POST("/hooks/in/:token", e.incomingHook)
	}
	// Providers check an address by HEAD.
	there := func(c echo.Context) error { return c.NoContent(http.StatusOK) }
	for _, hooks := range e.config.Hooks {
		path := "/hooks/" + hooks.Provider()
		server.HEAD(path, there)
		server.POST(path, e.take(hooks))
		if intercom, ok := hooks.(*IntercomHooks); ok {
			server.HEAD(path+"/uninstall", there)
			server.POST(path+"/uninstall", func(c echo.Context) error { return e.intercomUninstall(c, intercom) })
		}
	}
}

// preflight lets any site send hits, without credentials.
func preflight(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Content-Encoding")
	h.Set("Access-Control-Max-Age", "86400")
	return c.NoContent(http.StatusNoContent)
}
