// Package api answers HTTP under /api/v1, and walks a browser through
// connecting a chat provider under /connect.
//
// openapi.yaml is the contract. Types and routing are generated from it
// (api.gen.go), requests are validated against it, and it is served itself at
// /api/v1/openapi.yaml. What a request passes, in this order:
//
//	observe    metrics; an error becomes a problem (RFC 9457)
//	limit      size of the body
//	gate       foreign origins, who asks, their role, the contract
//	handler    one method per operation, grouped in files by subject
//
// # Workspaces
//
// Who asks is bound to one workspace, by the session or by the API key. A
// handler gets both from the gate, and reads through report.Reader.For and
// control's calls with a Principal; neither can see another workspace. An id of
// another workspace is therefore unknown, like one that never was: 404.
//
// # Errors
//
// Errors of other packages carry a schema.Kind, and nothing but this package
// turns a kind into a status.
package api
