package api

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"
)

//go:embed openapi.yaml
var contractText []byte

// operation is one operation of the contract with what it needs.
type operation struct {
	id    string
	need  need
	file  bool // its body is a file, which is read by its handler
	route *routers.Route
}

// readContract gives the operations by method and address as the router writes
// it.
func readContract(ctx context.Context) (map[string]*operation, error) {
	doc, err := openapi3.NewLoader().LoadFromData(contractText)
	if err != nil {
		return nil, fmt.Errorf("cannot read openapi.yaml: %w", err)
	}
	if err = doc.Validate(ctx); err != nil {
		return nil, fmt.Errorf("cannot use openapi.yaml: %w", err)
	}
	all := map[string]*operation{}
	needs := needs()
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			need, ok := needs[op.OperationID]
			if !ok {
				return nil, fmt.Errorf("cannot serve %s: nobody says who may ask it", op.OperationID)
			}
			all[method+" "+routerPath(path)] = &operation{
				id: op.OperationID, need: need, file: takesFile(op),
				route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op},
			}
		}
	}
	return all, nil
}

// routerPath writes {id} as :id.
func routerPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// validate holds a request against the contract. Afterwards the body can be
// read again.
func (o *operation) validate(c echo.Context) error {
	params := make(map[string]string, len(c.ParamNames()))
	for i, name := range c.ParamNames() {
		params[name] = c.ParamValues()[i]
	}
	prepare := dropNulls
	if o.file {
		prepare = isFile
	}
	if err := prepare(c.Request()); err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(c.Request().Context(), &openapi3filter.RequestValidationInput{
		Request: c.Request(), PathParams: params, QueryParams: c.QueryParams(), Route: o.route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, KeepValidatedValue: true,
			ExcludeRequestBody: o.file,
		},
	})
}

// broken words what the contract does not allow. Values are repeated for
// parameters only, which are no secrets.
func broken(err *openapi3filter.RequestError) Problem {
	var routing *echo.HTTPError
	if errors.As(err.Err, &routing) {
		return routed(routing.Code)
	}
	reason := innermost(err.Err)
	if err.Parameter != nil && err.Parameter.In == openapi3.ParameterInPath {
		return refuse(http.StatusNotFound, "There is nothing with this "+err.Parameter.Name+" in this workspace.", "Check the address; what it names may have been deleted.").problem
	}
	if err.Parameter != nil {
		return brokenValue("The parameter "+err.Parameter.Name, reason, err)
	}
	if strings.Contains(err.Reason, "Content-Type") {
		return routed(http.StatusUnsupportedMediaType)
	}
	if reason == nil {
		if errors.Is(err.Err, openapi3filter.ErrInvalidRequired) {
			return refuse(http.StatusBadRequest, "The request has no body.", "Send what /api/v1/openapi.yaml describes for this address, as JSON.").problem
		}
		if err.RequestBody != nil {
			return refuse(http.StatusBadRequest, "The body is no JSON that this operation takes.", "Compare it with /api/v1/openapi.yaml.").problem
		}
		return routed(http.StatusBadRequest)
	}
	name := strings.Join(reason.JSONPointer(), ".")
	if name == "" {
		return brokenValue("The body", reason, err)
	}
	return brokenValue("The field "+name, reason, err)
}

// innermost is the reason that names a value: the one of a schema made of
// others says only that one of them does not fit. It is nil when there is none.
func innermost(err error) (reason *openapi3.SchemaError) {
	for next := (*openapi3.SchemaError)(nil); errors.As(err, &next); next = nil {
		reason, err = next, next.Origin
	}
	return reason
}

func brokenValue(subject string, reason *openapi3.SchemaError, err *openapi3filter.RequestError) Problem {
	detail, todo := "cannot be read", "Compare it with /api/v1/openapi.yaml."
	switch {
	case reason == nil && errors.Is(err.Err, openapi3filter.ErrInvalidRequired):
		detail = "is missing"
	case reason == nil:
	case reason.SchemaField == "enum":
		detail = "is not a known one"
		if name, ok := reason.Value.(string); ok && err.Parameter != nil {
			detail = fmt.Sprintf("is %q, which is not known", name)
		}
		todo = "Use one of: " + values(reason.Schema.Enum) + "."
	case reason.SchemaField == "required":
		detail = "is missing"
	case reason.SchemaField == "format" && reason.Schema.Format == "date":
		detail, todo = "is no day", "Write it as 2026-11-23."
	case reason.SchemaField == "format" && reason.Schema.Format == "date-time":
		detail, todo = "is no time", "Write it as 2026-11-23T14:05:09.250Z."
	case reason.SchemaField == "pattern":
		detail = "is not written as it must be"
		if what := meaning(reason, err); what != "" {
			todo = "What it holds: " + sentence(what)
		}
	default:
		detail = "is not allowed: " + reason.Reason
	}
	return refuse(http.StatusBadRequest, sentence(subject+" "+detail), todo).problem
}

// meaning is what the contract says about a value that was refused.
func meaning(reason *openapi3.SchemaError, err *openapi3filter.RequestError) string {
	if err.Parameter != nil && err.Parameter.Description != "" {
		return strings.TrimSpace(err.Parameter.Description)
	}
	return strings.TrimSpace(reason.Schema.Description)
}

func values(all []any) string {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}
