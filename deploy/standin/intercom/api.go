package intercom

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sourceloop/deploy/standin/front"
)

// apiVersion is the newest version the stand-in speaks, and the app's default.
const apiVersion = "2.16"

// call is one REST request past authentication, limit and description.
type call struct {
	ctx     context.Context
	r       *http.Request
	body    []byte
	version version
}

// answer is what a REST operation says; header may be nil.
type answer struct {
	status int
	body   any
	header http.Header
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

// apiError is one entry of Intercom's error list.
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

func refuse(status int, code, message string) answer {
	return answer{status: status, body: map[string]any{
		"type": "error.list", "request_id": newUUID(),
		"errors": []apiError{{Code: code, Message: message}},
	}}
}

func (a answer) isZero() bool { return a.status == 0 }

// newUUID returns a random (version 4) UUID.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // It never fails; it ends the program when there is no randomness.
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// operation is one REST operation of the description. screen, when there is
// one, gives the documented words for mistakes that the description alone
// would refuse with words of its own.
type operation struct {
	run         func(*call) (answer, error)
	screen      func(*call) answer
	write       bool // Changes the workspace. Searches do not.
	planLimited bool // May be refused by plan.
}

func (s *Server) apiRoutes(mux *http.ServeMux) {
	for pattern, op := range map[string]operation{
		"GET /me":                   {run: s.getMe},
		"GET /data_attributes":      {run: s.listAttributes, screen: screenAttributeList},
		"POST /data_attributes":     {run: s.createAttribute, screen: screenAttributeCreate, write: true},
		"PUT /data_attributes/{id}": {run: s.updateAttribute, screen: screenAttributeUpdate, write: true},
		"GET /contacts":             {run: s.listContacts},
		"GET /contacts/{id}":        {run: s.getContact},
		"GET /contacts/find_by_external_id/{external_id}": {run: s.getContactByExternalID},
		"POST /contacts/search":                           {run: s.searchContacts, screen: screenSearch},
		"GET /conversations":                              {run: s.listConversations, planLimited: true},
		"GET /conversations/{id}":                         {run: s.getConversation, planLimited: true},
		"POST /conversations/search":                      {run: s.searchConversations, screen: screenSearch, planLimited: true},
	} {
		mux.Handle(pattern, s.logged(op.write, s.authorized(op)))
	}
	mux.Handle("POST /auth/eagle/token", s.logged(false, s.tokenRequest))
	mux.Handle("POST /auth/uninstall", s.logged(false, s.authorizedBare(s.uninstall)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write := r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
		s.logged(write, s.authorizedBare(s.unknown)).ServeHTTP(w, r)
	})
}

// unknown answers operations that the description has and the stand-in does
// not play, and paths that neither has.
func (s *Server) unknown(c *call) (answer, error) {
	if _, err := s.spec.input(c.r, c.body); err == nil {
		return refuse(http.StatusNotImplemented, "not_implemented",
			"The stand-in does not play this operation. The product is not meant to need it."), nil
	}
	return refuse(http.StatusNotFound, "not_found", "The requested resource was not found"), nil
}

// endpoint is a REST handler whose answer is not yet written.
type endpoint func(http.Header, *http.Request, []byte) (answer, error)

// logged reads the body, applies the faults that hit any request, and writes
// the answer once the request log holds it.
func (s *Server) logged(write bool, next endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, status, err := front.ReadBody(r, maxBody)
		reply := answer{}
		if err != nil {
			reply = refuse(status, "parameter_invalid", err.Error())
		} else if reply, err = s.faulty(r.Context()); err == nil && reply.isZero() {
			reply, err = next(w.Header(), r, body)
		}
		if err != nil {
			s.config.Log.Error("the stand-in Intercom could not answer", "method", r.Method, "path", r.URL.Path, "error", err)
			reply = refuse(http.StatusInternalServerError, "server_error", "Server Error")
		}
		if err := s.logRequest(r, body, reply.status, write); err != nil {
			s.config.Log.Error("the stand-in Intercom could not write its request log", "error", err)
			reply = refuse(http.StatusInternalServerError, "server_error", "Server Error")
		}
		for name, values := range reply.header {
			w.Header()[name] = values
		}
		front.WriteJSON(w, reply.status, reply.body)
	})
}

// faulty waits when told to be slow, and answers when told to fail.
func (s *Server) faulty(ctx context.Context) (answer, error) {
	if err := s.faults.Wait(ctx, faultSlow); err != nil {
		return answer{}, err
	}
	if _, on, err := s.faults.Take(ctx, fault429); err != nil {
		return answer{}, err
	} else if on {
		reply := tooMany()
		reply.header = rateHeader(s.limit.Most(), 0, s.limit.Reset())
		return reply, nil
	}
	if _, on, err := s.faults.Take(ctx, fault500); err != nil {
		return answer{}, err
	} else if on {
		return refuse(http.StatusInternalServerError, "server_error", "Server Error"), nil
	}
	return answer{}, nil
}

func tooMany() answer {
	return refuse(http.StatusTooManyRequests, "rate_limit_exceeded", "Exceeded rate limit")
}

// authorizedBare admits a live token within the rate limit.
func (s *Server) authorizedBare(run func(*call) (answer, error)) endpoint {
	return func(header http.Header, r *http.Request, body []byte) (answer, error) {
		live, err := s.tokenIsLive(r)
		if err != nil {
			return answer{}, err
		}
		if !live {
			return refuse(http.StatusUnauthorized, "unauthorized", "Access Token Invalid"), nil
		}
		remaining, admitted := s.limit.Take()
		for name, values := range rateHeader(s.limit.Most(), remaining, s.limit.Reset()) {
			header[name] = values
		}
		if !admitted {
			return tooMany(), nil
		}
		asked, known := parseVersion(cmp.Or(r.Header.Get("Intercom-Version"), apiVersion))
		if !known {
			return refuse(http.StatusBadRequest, "intercom_version_invalid", "The requested version could not be found"), nil
		}
		header.Set("Intercom-Version", asked.String())
		return run(&call{ctx: r.Context(), r: r, body: body, version: asked})
	}
}

// authorized also holds the request against the description.
func (s *Server) authorized(op operation) endpoint {
	return s.authorizedBare(func(c *call) (answer, error) {
		if op.planLimited {
			if _, on, err := s.faults.Take(c.ctx, faultPlan); err != nil || on || s.settings.Load().PlanRestricted {
				return refuse(http.StatusForbidden, "api_plan_restricted", "Active subscription needed."), err
			}
		}
		if len(bytes.TrimSpace(c.body)) > 0 && !json.Valid(c.body) {
			return refuse(http.StatusBadRequest, "parameter_invalid", "The body is not valid JSON"), nil
		}
		if op.screen != nil {
			if refused := op.screen(c); !refused.isZero() {
				return refused, nil
			}
		}
		if err := s.spec.checkRequest(c.r, c.body); err != nil {
			return refuse(http.StatusBadRequest, "parameter_invalid", err.Error()), nil
		}
		return op.run(c)
	})
}

func (s *Server) getMe(*call) (answer, error) {
	created, err := s.createdAt()
	if err != nil {
		return answer{}, err
	}
	return ok(map[string]any{
		"type": "admin", "id": adminID, "email": adminEmail, "name": adminName,
		"email_verified": !s.config.AdminUnverified, "has_inbox_seat": true,
		"avatar": map[string]any{"type": "avatar", "image_url": nil},
		"app": map[string]any{
			"type": "app", "id_code": s.config.AppID, "name": s.config.WorkspaceName,
			"created_at": created, "secure": s.settings.Load().IdentityVerification,
			"identity_verification": s.settings.Load().IdentityVerification,
			"timezone":              s.config.Timezone, "region": "US",
		},
	}), nil
}

// The one teammate of the workspace.
const (
	adminID    = "991267459"
	adminName  = "Ada Ng"
	adminEmail = "ada@northwind-tea.example"
)

func (s *Server) createdAt() (int64, error) {
	var created int64
	_, err := s.store.read(context.Background()).Row("meta_get", []any{"created"}, &created)
	return created, err
}

// version is an API version such as 2.16, comparable after parsing.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

// parseVersion knows 1.0 to 1.4 and 2.0 to 2.16.
func parseVersion(text string) (version, bool) {
	majorText, minorText, found := strings.Cut(text, ".")
	major, errMajor := strconv.Atoi(majorText)
	minor, errMinor := strconv.Atoi(minorText)
	v := version{major, minor}
	known := major == 1 && minor <= 4 || major == 2 && minor <= 16
	return v, found && errMajor == nil && errMinor == nil && minor >= 0 && known && v.String() == text
}

// window is the time that the limit is counted in.
const window = 10 * time.Second

func newLimiter(perMinute int, now func() time.Time) *front.Limiter {
	return front.NewLimiter(max(1, perMinute*int(window/time.Second)/60), window, now)
}

func rateHeader(limit, remaining int, reset int64) http.Header {
	header := http.Header{}
	header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
	return header
}
