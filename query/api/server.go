package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/control"
	"sourceloop/control/connect"
	"sourceloop/control/doctor/examine"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// Leads is where conversions go, and word of contacts that are to be looked at
// anew: the log that the pipeline reads. Append
// returns when the records are durable.
type Leads interface {
	Append(ctx context.Context, topic string, keys, values [][]byte) error
}

// Normalizer gives the one form of an email, a phone and an id, or refuses
// what is none. country is where a phone without + was written, or "".
type Normalizer interface {
	Email(text string) (string, error)
	Phone(text, country string) (string, error)
	UserID(text string) (string, error)
}

// Sealer makes cursors that cannot be forged. What was sealed about other
// words does not open.
type Sealer interface {
	Seal(plain []byte, about ...string) []byte
	Open(sealed []byte, about ...string) ([]byte, error)
}

// Connections are the connections of workspaces: chats and advertising platforms.
type Connections interface {
	Cards(ctx context.Context, who control.Principal) ([]connect.Card, error)
	Connect(ctx context.Context, who control.Principal, provider, browser string) (redirect string, err error)
	Callback(ctx context.Context, provider, browser string, query url.Values) (control.Connection, error)
	Paste(ctx context.Context, who control.Principal, provider, token string) (control.Connection, error)
	Targets(ctx context.Context, who control.Principal, provider, account string) (targets []control.AdTarget, listed bool, err error)
	Backfill(ctx context.Context, who control.Principal, provider string) error
	Test(ctx context.Context, who control.Principal, provider string) (control.Connection, error)
	Disconnect(ctx context.Context, who control.Principal, provider string) (connect.Farewell, error)
}

// Doctor finds out why a chat does not arrive.
type Doctor interface {
	Examine(ctx context.Context, who control.Principal, workspace *schema.Workspace, provider, page string) (examine.Result, error)
}

// Snippet is a site's tracking code.
type Snippet struct {
	HTML string // to put on every page
	URL  string // of the immutable script
	SRI  string // that script's hash, as in sha384-…
}

// Channels reads from a hit's URL and referrer where its visitor came from, as
// the pipeline does. What it returns is shared and must not be changed.
type Channels interface {
	Classify(hit *schema.Hit, s *schema.Settings) *schema.Source
}

// Deps are what the API is made from. All are required unless said otherwise.
type Deps struct {
	Store        *control.Store
	Reports      *report.Reader
	Connections  Connections
	Doctor       Doctor
	Leads        Leads
	Costs        Costs
	BITools      BITools
	Normalizer   Normalizer
	Channels     Channels
	Sealer       Sealer
	Addresses    Addresses
	Tracking     func(siteKey string) Snippet
	AsOf         func() (time.Time, bool) // up to when all that came in is in ClickHouse; default: never known
	PublicURL    string                   // where browsers find us, without a path
	CollectorURL string                   // where programs tell of conversions; default: PublicURL
	ClientIP     echo.IPExtractor         // default: the address of the peer, which trusts no header
	Metrics      prometheus.Registerer    // default: none
	Log          *slog.Logger             // default: discarded
	Now          func() time.Time         // default: time.Now
}

// maxBody is more than any request needs: a saved funnel of 64 KB. Files may be
// larger.
const (
	maxBody = "1M"
	maxFile = "8M"
)

// Server answers /api and /connect.
type Server struct {
	echo *echo.Echo
}

// New makes the server.
func New(deps Deps) (*Server, error) {
	if err := deps.complete(); err != nil {
		return nil, err
	}
	public, err := url.Parse(deps.PublicURL)
	if err != nil || public.Host == "" || (public.Scheme != "https" && public.Scheme != "http") {
		return nil, schema.E("start the API", schema.KindInvalid, "The public address %q is no address. Give it as https://loop.example.com.", deps.PublicURL)
	}
	operations, err := readContract(context.Background())
	if err != nil {
		return nil, err
	}
	origins := http.NewCrossOriginProtection()
	if err = origins.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
		return nil, fmt.Errorf("cannot trust the public address: %w", err)
	}
	g := &gate{store: deps.Store, operations: operations, origins: origins, cookie: newCookie(public.Scheme == "https")}
	watch, err := newWatch(deps.Metrics, deps.Log, operations)
	if err != nil {
		return nil, err
	}
	s := &service{Deps: deps, cookie: g.cookie}
	return &Server{echo: router(s, g, watch, public.Scheme == "https")}, nil
}

func (d *Deps) complete() error {
	if d.Store == nil || d.Reports == nil || d.Connections == nil || d.Doctor == nil || d.Leads == nil || d.Costs == nil || d.BITools == nil || d.Normalizer == nil || d.Channels == nil || d.Sealer == nil || d.Addresses == nil || d.Tracking == nil {
		return errors.New("cannot start the API: a part that it needs is missing")
	}
	if d.ClientIP == nil {
		d.ClientIP = echo.ExtractIPDirect()
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.AsOf == nil {
		d.AsOf = func() (time.Time, bool) { return time.Time{}, false }
	}
	return nil
}

// router is an Echo of its own, so that its errors and limits hold for its
// addresses alone.
func router(s *service, g *gate, watch *watch, https bool) *echo.Echo {
	e := echo.New()
	e.IPExtractor = s.ClientIP
	e.HTTPErrorHandler = watch.fail
	age := &asOf{moment: s.AsOf, now: s.Now, operations: g.operations}
	e.Use(watch.observe, headers(https), middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 2048}), watch.recover,
		limit(g.operations, false, maxBody), limit(g.operations, true, maxFile), g.middleware, age.middleware,
		newLines(g.operations).middleware)
	RegisterHandlers(e, NewStrictHandler(s, nil))
	e.GET("/api/v1/openapi.yaml", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/yaml", contractText)
	})
	pages := &pages{service: s, gate: g}
	e.GET("/connect/:provider/start", pages.start)
	e.GET("/connect/:provider/callback", pages.callback)
	return e
}

// limit bounds the bodies of operations that take a file, or of all others.
func limit(operations map[string]*operation, files bool, most string) echo.MiddlewareFunc {
	return middleware.BodyLimitWithConfig(middleware.BodyLimitConfig{Limit: most, Skipper: func(c echo.Context) bool {
		op, ok := operations[c.Request().Method+" "+c.Path()]
		return files != (ok && op.file)
	}})
}

// headers are those of every answer: none is cached, none is a page.
func headers(https bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			head := c.Response().Header()
			head.Set("Cache-Control", "no-store")
			head.Set("X-Content-Type-Options", "nosniff")
			head.Set("Referrer-Policy", "no-referrer")
			head.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			head.Set("Cross-Origin-Resource-Policy", "same-origin")
			if https {
				head.Set("Strict-Transport-Security", "max-age=31536000")
			}
			return next(c)
		}
	}
}

// Register puts the API's addresses into a larger router.
func (s *Server) Register(e *echo.Echo) {
	handler := echo.WrapHandler(s.echo)
	e.Any("/api/*", handler)
	e.Any("/connect/*", handler)
}

// service has a method for every operation of the contract.
type service struct {
	Deps
	cookie cookie
}

// reports are those of the caller's workspace.
func (s *service) reports(who caller) report.Scoped { return s.Reports.For(who.workspace) }

// text is what an optional text says, trimmed.
func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return strings.TrimSpace(string(*p))
}

// given is what a body says, or nothing where it does not.
func given[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
