package ledger

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func FuzzSummaryHidesSecrets(f *testing.F) {
	f.Add("application/json", []byte(`{"code":"hunter2","deep":[{"client_secret":"hunter2"}]}`))
	f.Add("application/x-www-form-urlencoded", []byte(`code=hunter2&client_id=1`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		text := summary(kind, body)
		if text == "" {
			return
		}
		if !json.Valid([]byte(text)) || !utf8.ValidString(text) {
			t.Fatalf("the summary of %q is no JSON: %q", body, text)
		}
		var fields map[string]any
		if json.Unmarshal([]byte(text), &fields) == nil {
			for name, value := range fields {
				if said, isText := value.(string); isText && secretField(name) && said != hidden {
					t.Errorf("%s is shown", name)
				}
			}
		}
	})
}
