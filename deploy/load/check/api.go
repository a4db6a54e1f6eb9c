package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// API asks a running SourceLoop.
type API struct {
	url, key string
	client   *http.Client
}

// NewAPI makes one for an address and an API key.
func NewAPI(url, key string) *API {
	return &API{url: strings.TrimSuffix(url, "/"), key: key, client: &http.Client{Timeout: 2 * time.Minute}}
}

// errDenied is for answers that no repetition changes.
var errDenied = errors.New("the API does not let us in")

func (a *API) get(ctx context.Context, path string, into any) error {
	return a.do(ctx, http.MethodGet, path, nil, into)
}

func (a *API) post(ctx context.Context, path string, what, into any) error {
	content, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("cannot write a question: %w", err)
	}
	return a.do(ctx, http.MethodPost, path, content, into)
}

func (a *API) do(ctx context.Context, method, path string, content []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("cannot ask the API: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := a.client.Do(request)
	if err != nil {
		return fmt.Errorf("cannot ask the API: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("cannot read the API's answer: %w", err)
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%s %s: %d %s: %w", method, path, response.StatusCode, answer, errDenied)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("cannot read the API's answer to %s: %w", path, err)
	}
	return nil
}
