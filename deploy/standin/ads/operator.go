package ads

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"sourceloop/deploy/standin/front"
	"sourceloop/deploy/standin/ledger"
)

func (s *Server) operatorRoutes() {
	s.mux.HandleFunc("GET /standin/requests", s.store.List(ledger.ListRequests))
	s.mux.HandleFunc("GET /standin/accepted", s.store.List(accepted))
	s.mux.HandleFunc("POST /standin/fault", s.faults.Post(s.fail))
	s.mux.HandleFunc("POST /standin/token", s.postToken)
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		about := map[string]any{"standin": s.platform.Name, "url": s.config.PublicURL, "see": []string{"/standin/requests", "/standin/accepted"}}
		for name, value := range s.platform.About {
			about[name] = value
		}
		front.WriteJSON(w, http.StatusOK, about)
	})
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
		front.WriteJSON(w, http.StatusBadRequest, front.Problem(err))
		return
	}
	scopes := strings.Fields(request.Scopes)
	if len(scopes) == 0 {
		scopes = s.AllScopes()
	}
	secret, err := s.NewToken(r.Context(), scopes)
	if err != nil {
		front.WriteJSON(w, http.StatusInternalServerError, front.Problem(err))
		return
	}
	front.WriteJSON(w, http.StatusOK, map[string]string{"access_token": secret})
}

// AllScopes are the names of everything that the app may ask for.
func (s *Server) AllScopes() []string {
	var names []string
	for _, one := range s.platform.Scopes {
		names = append(names, one.Name)
	}
	return names
}
