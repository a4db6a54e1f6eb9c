package api

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNullIsMissing(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":null,"b":{"c":null,"d":[{"e":null,"f":1.50}]}}`: `{"b":{"d":[{"f":1.50}]}}`,
		`{"a":"null"}`: `{"a":"null"}`,
		`[null,1]`:     `[null,1]`,
		`{"a":null`:    `{"a":null`,
		`{"a":null} {`: `{"a":null} {`,
		``:             ``,
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		if err := dropNulls(r); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		if err != nil || string(got) != want {
			t.Errorf("%s became %s, want %s (%v)", body, got, want, err)
		}
	}
}
