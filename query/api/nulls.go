package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// dropNulls takes the members that are null out of a JSON body: null means
// missing, for the API as for hits. A body that is no JSON is left for the
// contract to refuse.
func dropNulls(r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("cannot read the body: %w", err)
	}
	if bytes.Contains(body, []byte("null")) {
		body = withoutNulls(body)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

func withoutNulls(body []byte) []byte {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return body
	}
	prune(value)
	pruned, err := json.Marshal(value)
	if err != nil {
		return body
	}
	return pruned
}

func prune(value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
				continue
			}
			prune(member)
		}
	case []any:
		for _, item := range v {
			prune(item)
		}
	}
}
