package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxAnswer bounds what is read of a provider's answer, in bytes.
const maxAnswer = 4 << 20

// Reply is a provider's answer, read whole.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// OK tells whether the provider did what it was asked.
func (r *Reply) OK() bool { return r.Status/100 == 2 }

// Fetch asks a provider. title is its name for people. The error says that no
// answer came; whatever the provider answered is a Reply.
func Fetch(client *http.Client, request *http.Request, title string) (*Reply, error) {
	if request.Header.Get("Accept") == "" {
		request.Header.Set("Accept", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %s: %w", title, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("cannot read %s's answer: %w", title, err)
	}
	return &Reply{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// Decode reads an answer's JSON; nothing is read where out is nil. The error
// repeats nothing of the answer, which may hold what nobody should see.
func (r *Reply) Decode(out any, title string) error {
	if out == nil || json.Unmarshal(r.Body, out) == nil {
		return nil
	}
	return fmt.Errorf("cannot read %s's answer: it is not the JSON that was expected", title)
}
