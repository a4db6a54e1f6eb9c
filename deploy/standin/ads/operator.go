package ads

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"sourceloop/deploy/standin/ledger"
)

func (s *Server) operatorRoutes() {
	s.mux.HandleFunc("GET /standin/requests", s.list(func(tx *ledger.Session, after, limit int64) (any, error) {
		list, err := tx.Requests(after, limit)
		return map[string]any{"requests": list}, err
	}))
	s.mux.HandleFunc("GET /standin/accepted", s.list(accepted))
	s.mux.HandleFunc("POST /standin/fault", s.postFault)
	s.mux.HandleFunc("POST /standin/token", s.postToken)
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		about := map[string]any{"standin": s.platform.Name, "url": s.config.PublicURL, "see": []string{"/standin/requests", "/standin/accepted"}}
		for name, value := range s.platform.About {
			about[name] = value
		}
		writeAnswer(w, Answer{Status: http.StatusOK, Body: about})
	})
}

// list answers a GET with what read returns.
func (s *Server) list(read func(tx *ledger.Session, after, limit int64) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		after, limit, err := ledger.ListRange(r)
		if err != nil {
			writeAnswer(w, problem(http.StatusBadRequest, err))
			return
		}
		value, err := read(s.store.Read(r.Context()), after, limit)
		if err != nil {
			writeAnswer(w, problem(http.StatusInternalServerError, err))
			return
		}
		writeAnswer(w, Answer{Status: http.StatusOK, Body: value})
	}
}

func problem(status int, err error) Answer {
	return Answer{Status: status, Body: map[string]string{"error": err.Error()}}
}

// keptConversion is a conversion as /standin/accepted tells it.
type keptConversion struct {
	Seq   int64           `json:"seq"`
	At    string          `json:"at"` // When it came.
	Place string          `json:"place"`
	ID    string          `json:"id"`
	Why   string          `json:"why,omitempty"`
	Event json.RawMessage `json:"event"`
}

// accepted lists the conversions that count, and apart from them those that
// came and do not.
func accepted(tx *ledger.Session, after, limit int64) (any, error) {
	counted, others := []keptConversion{}, []keptConversion{}
	err := tx.Rows("conversion_list", []any{after, limit}, func(scan func(...any) error) error {
		var c keptConversion
		var atMS int64
		var doc string
		err := scan(&c.Seq, &atMS, &c.Place, &c.ID, &c.Why, &doc)
		c.At, c.Event = ledger.Time(atMS), json.RawMessage(doc)
		if c.Why == "" {
			counted = append(counted, c)
		} else {
			others = append(others, c)
		}
		return err
	})
	return map[string]any{"accepted": counted, "not_counted": others}, err
}

func (s *Server) postFault(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeAnswer(w, problem(http.StatusBadRequest, err))
		return
	}
	kind, value, err := s.faults.Parse(body)
	if err != nil {
		writeAnswer(w, problem(http.StatusBadRequest, err))
		return
	}
	if err := s.fail(r.Context(), kind, value); err != nil {
		writeAnswer(w, problem(http.StatusInternalServerError, err))
		return
	}
	writeAnswer(w, Answer{Status: http.StatusOK, Body: map[string]any{"kind": kind, "times": value.Times}})
}

// postToken makes an access token without the pages; scopes default to all.
func (s *Server) postToken(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Scopes string `json:"scopes"` // Separated by spaces.
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &request)
	}
	if err != nil {
		writeAnswer(w, problem(http.StatusBadRequest, err))
		return
	}
	scopes := strings.Fields(request.Scopes)
	if len(scopes) == 0 {
		scopes = s.AllScopes()
	}
	secret, err := s.NewToken(r.Context(), scopes)
	if err != nil {
		writeAnswer(w, problem(http.StatusInternalServerError, err))
		return
	}
	writeAnswer(w, Answer{Status: http.StatusOK, Body: map[string]string{"access_token": secret}})
}

// AllScopes are the names of everything that the app may ask for.
func (s *Server) AllScopes() []string {
	var names []string
	for _, one := range s.platform.Scopes {
		names = append(names, one.Name)
	}
	return names
}
