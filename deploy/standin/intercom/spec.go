package intercom

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

//go:embed spec/subset.2.16.yaml
var specYAML []byte

// nullInPractice are schemas that the description means to be nullable: it
// writes "nullable" beside a $ref, where OpenAPI 3.0 ignores it, and its own
// examples hold null there.
var nullInPractice = [...]string{
	"ai_agent", "sales_agent", "company", "reference", "email_message_metadata",
	"conversation_part_metadata", "event_details", "sla_applied", "conversation_rating",
	"conversation_statistics", "conversation_teammates",
}

// spec is Intercom's published description, as far as it is consistent.
type spec struct {
	doc    *openapi3.T
	router routers.Router
}

func loadSpec() (*spec, error) {
	doc, err := openapi3.NewLoader().LoadFromData(specYAML)
	if err != nil {
		return nil, fmt.Errorf("cannot read Intercom's description: %w", err)
	}
	if err := repair(doc); err != nil {
		return nil, err
	}
	doc.Servers = nil // Requests come to the stand-in's own address.
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
	if err != nil {
		return nil, fmt.Errorf("cannot use Intercom's description: %w", err)
	}
	return &spec{doc: doc, router: router}, nil
}

// repair changes what contradicts the description's own examples, and no more.
func repair(doc *openapi3.T) error {
	for _, name := range nullInPractice {
		schema := doc.Components.Schemas[name]
		if schema == nil {
			return fmt.Errorf("cannot repair Intercom's description: it has no schema %q", name)
		}
		schema.Value.Nullable = true
	}
	// Its second branch is empty, so that a body with options always matches
	// both where exactly one is asked for.
	update := doc.Components.Schemas["update_data_attribute_request"]
	if update == nil {
		return errors.New("cannot repair Intercom's description: it has no update_data_attribute_request")
	}
	update.Value.AnyOf, update.Value.OneOf = update.Value.OneOf, nil
	return nil
}

func checkOptions() *openapi3filter.Options {
	return &openapi3filter.Options{
		AuthenticationFunc:  openapi3filter.NoopAuthenticationFunc, // Tokens are checked before.
		SkipSettingDefaults: true,
		MultiError:          false,
	}
}

// checkRequest returns what is wrong with a request in one sentence, or nil.
func (sp *spec) checkRequest(r *http.Request, body []byte) error {
	input, err := sp.input(r, body)
	if err != nil {
		return err
	}
	return brief(openapi3filter.ValidateRequest(r.Context(), input))
}

func (sp *spec) input(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	clone := r.Clone(r.Context())
	clone.Body = io.NopCloser(bytes.NewReader(body))
	clone.URL = &url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	route, params, err := sp.router.FindRoute(clone)
	if err != nil {
		return nil, fmt.Errorf("%s %s is not in Intercom's description: %w", r.Method, r.URL.Path, err)
	}
	return &openapi3filter.RequestValidationInput{
		Request: clone, PathParams: params, Route: route, Options: checkOptions(),
	}, nil
}

// checkAnswer is checkRequest's other half: does an answer fit the operation?
func (sp *spec) checkAnswer(r *http.Request, status int, header http.Header, body []byte) error {
	input, err := sp.input(r, nil)
	if err != nil {
		return err
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header, Options: checkOptions(),
	}
	return openapi3filter.ValidateResponse(context.Background(), answer.SetBodyBytes(body))
}

// brief keeps the reason and drops the dump of schema and value that follows it.
func brief(err error) error {
	if err == nil {
		return nil
	}
	var schema *openapi3.SchemaError
	if errors.As(err, &schema) {
		return fmt.Errorf("%s: %s", strings.Join(schema.JSONPointer(), "."), schema.Reason)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(first)
}
