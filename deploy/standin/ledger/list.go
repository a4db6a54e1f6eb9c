package ledger

import (
	"fmt"
	"net/http"
	"strconv"

	"sourceloop/deploy/standin/front"
)

// List answers a GET of one of the stand-in's lists with what read returns: at
// most limit entries behind a sequence number.
func (st *Store) List(read func(tx *Session, after, limit int64) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		after, limit, err := listRange(r)
		if err != nil {
			front.WriteJSON(w, http.StatusBadRequest, front.Problem(err))
			return
		}
		value, err := read(st.Read(r.Context()), after, limit)
		if err != nil {
			front.WriteJSON(w, http.StatusInternalServerError, front.Problem(err))
			return
		}
		front.WriteJSON(w, http.StatusOK, value)
	}
}

// ListRequests reads the request log for List.
func ListRequests(tx *Session, after, limit int64) (any, error) {
	list, err := tx.Requests(after, limit)
	return map[string]any{"requests": list}, err
}

// listRange reads ?after= and ?limit= of the stand-in's lists.
func listRange(r *http.Request) (after, limit int64, err error) {
	limit = 10_000
	for name, target := range map[string]*int64{"after": &after, "limit": &limit} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		if *target, err = strconv.ParseInt(text, 10, 64); err != nil || *target < 0 {
			return 0, 0, fmt.Errorf("cannot read %s=%q: it must be a number", name, text)
		}
	}
	return after, limit, nil
}
