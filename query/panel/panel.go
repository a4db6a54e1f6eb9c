package panel

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"sourceloop/query/report"
	"sourceloop/schema"
)

const (
	provider = "intercom"
	// maxBody is more than a conversation with its contact and the canvas takes.
	maxBody = 1 << 20
	// limit bounds reading, so that the answer comes within a second.
	limit = 850 * time.Millisecond
)

// Routes knows whose an Intercom workspace is. It must not find one that was
// disconnected.
type Routes interface {
	Route(provider, app string) (workspace uint32, connection int64, ok bool)
	Workspace(id uint32) (*schema.Workspace, bool)
}

// People finds who somebody is.
type People interface {
	Person(ctx context.Context, workspace *schema.Workspace, node schema.Node, visitor string) (report.Person, error)
}

// Config is what the panel is made from. All but Metrics and Log are needed.
type Config struct {
	Secret    string // the app's client secret; "" refuses everything
	Routes    Routes
	People    People
	PublicURL string // of the dashboard, without a slash at the end
	Metrics   prometheus.Registerer
	Log       *slog.Logger
}

// Panel answers Intercom. It is safe for concurrent use.
type Panel struct {
	config   Config
	answered *prometheus.CounterVec
}

// What became of a request, for metrics.
const (
	outcomeKnown    = "known"
	outcomeUnknown  = "unknown"
	outcomeStranger = "stranger" // an app that is not connected
	outcomeUnsigned = "unsigned"
	outcomeRefused  = "refused"
	outcomeFailed   = "failed"
)

// New makes the panel.
func New(config Config) (*Panel, error) {
	if config.Routes == nil || config.People == nil {
		return nil, errors.New("cannot make the Inbox panel: Routes and People are needed")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	p := &Panel{config: config, answered: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sourceloop_panel_requests_total", Help: "Requests of Intercom's Inbox panel, by what became of them.",
	}, []string{"outcome"})}
	if config.Metrics != nil {
		if err := config.Metrics.Register(p.answered); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Register puts the panel's addresses into a router.
func (p *Panel) Register(e *echo.Echo) {
	for _, path := range []string{"/panel/intercom/initialize", "/panel/intercom/submit"} {
		e.POST(path, echo.WrapHandler(p))
	}
}

// ServeHTTP answers either request: the panel shows the same at both.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		p.refuse(w, http.StatusRequestEntityTooLarge, outcomeRefused, "the body is larger than 1 MiB")
		return
	case err != nil:
		p.refuse(w, http.StatusBadRequest, outcomeRefused, "the body cannot be read")
		return
	case !signed(p.config.Secret, body, r.Header.Get("X-Body-Signature")):
		p.refuse(w, http.StatusUnauthorized, outcomeUnsigned, "the signature is missing or does not fit this body")
		return
	}
	a, err := parse(body)
	if err != nil {
		p.refuse(w, http.StatusBadRequest, outcomeRefused, err.Error())
		return
	}
	drawn, outcome := p.answer(r.Context(), a)
	p.answered.WithLabelValues(outcome).Inc()
	write(w, http.StatusOK, "application/json", drawn)
}

func (p *Panel) refuse(w http.ResponseWriter, status int, outcome, detail string) {
	p.answered.WithLabelValues(outcome).Inc()
	write(w, status, "application/problem+json", map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}

func write(w http.ResponseWriter, status int, kind string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // Who asked may be gone; nobody is left to tell.
}

// answer never fails: an error of ours is a canvas in words, too.
func (p *Panel) answer(ctx context.Context, a asked) (canvas, string) {
	id, _, routed := p.config.Routes.Route(provider, a.app)
	workspace, known := p.config.Routes.Workspace(id)
	switch {
	case !routed || !known:
		return said("Not connected", "This Intercom workspace is not connected to SourceLoop. An Owner or Admin connects it there under Setup → Chat."), outcomeStranger
	case a.contact == "":
		return said("Nobody", "This conversation names no person."), outcomeUnknown
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found, err := p.config.People.Person(ctx, workspace, schema.NewNode(schema.NodeIntercom, a.contact), a.visitor)
	if err != nil {
		p.config.Log.Warn("the Inbox panel could not read who somebody is; it says so", "workspace", workspace.ID, "err", err)
		return said("Not readable just now", "SourceLoop could not look this person up in time. Refresh in a moment."), outcomeFailed
	}
	outcome := outcomeKnown
	if found.Contact == nil {
		outcome = outcomeUnknown
	}
	return drawPerson(found, p.config.PublicURL, workspace.Zone), outcome
}
