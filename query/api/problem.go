package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"sourceloop/schema"
)

// statusClosed is what is counted when the client left before the answer
// (nginx's 499); nobody reads it.
const statusClosed = 499

// refusal is an error of this package, whose status does not follow from a
// kind alone.
type refusal struct {
	problem Problem
	cause   error
}

func (r *refusal) Error() string {
	if r.cause == nil {
		return r.problem.Detail
	}
	return r.problem.Detail + ": " + r.cause.Error()
}

func (r *refusal) Unwrap() error { return r.cause }

// refuse makes a refusal: what happened comes from the status, detail is what
// it means, todo what the reader can do.
func refuse(status int, detail, todo string) *refusal {
	kind, title := titles(status)
	return &refusal{problem: Problem{Type: kind, Title: title, Status: status, Detail: detail, WhatToDo: todo}}
}

// titles name a status: the kind for programs, and what happened for people.
func titles(status int) (kind, title string) {
	switch status {
	case http.StatusUnauthorized:
		return "denied", "You are not signed in."
	case http.StatusForbidden:
		return "denied", "You may not do this."
	case http.StatusNotFound:
		return "unknown", "There is no such thing here."
	case http.StatusMethodNotAllowed:
		return "invalid", "This address does not take this method."
	case http.StatusConflict:
		return "conflict", "This does not go with what is there."
	case http.StatusGone:
		return "gone", "This is over."
	case http.StatusRequestEntityTooLarge:
		return "invalid", "The request is too large."
	case http.StatusUnsupportedMediaType:
		return "invalid", "The request is of a kind that is not read here."
	case http.StatusTooManyRequests:
		return "limited", "This was too much at once."
	case http.StatusServiceUnavailable:
		return "unavailable", "This does not work at the moment."
	case http.StatusInternalServerError:
		return "internal", "Something went wrong that should not."
	}
	return "invalid", "The request was not understood."
}

// statusOf turns the kind of an error into a status. Who is not signed in is
// refused by the gate, so that Denied is 403 here.
func statusOf(kind schema.Kind) int {
	switch kind {
	case schema.KindInvalid:
		return http.StatusBadRequest
	case schema.KindUnknown:
		return http.StatusNotFound
	case schema.KindDenied:
		return http.StatusForbidden
	case schema.KindConflict:
		return http.StatusConflict
	case schema.KindLimited:
		return http.StatusTooManyRequests
	case schema.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problemOf turns any error into what the client reads.
func problemOf(err error) Problem {
	var own *refusal
	var known *schema.Error
	var routing *echo.HTTPError
	var contract *openapi3filter.RequestError
	switch {
	case errors.As(err, &own):
		return own.problem
	case errors.As(err, &routing):
		return routed(routing.Code)
	case errors.As(err, &contract):
		return broken(contract)
	case errors.As(err, &known):
		return worded(statusOf(known.Kind), known.Text)
	case errors.Is(err, context.Canceled):
		return refuse(statusClosed, "The request was given up before it was answered.", "Ask again.").problem
	}
	return internal()
}

func internal() Problem {
	return refuse(http.StatusInternalServerError, "It is a defect of the server, not of the request.",
		"Try again. If it stays, tell the operator, who finds the reason in the log.").problem
}

// routed words what the router and the limits refuse.
func routed(status int) Problem {
	switch status {
	case http.StatusNotFound:
		return refuse(status, "No operation has this address.", "Compare it with /api/v1/openapi.yaml.").problem
	case http.StatusMethodNotAllowed:
		return refuse(status, "The address exists, but not for this method.", "Use a method that the header Allow names.").problem
	case http.StatusRequestEntityTooLarge:
		return refuse(status, "Its body is larger than what any operation needs.", "Send at most 1 MB; a file, at most 8 MB, which may mean in parts.").problem
	case http.StatusUnsupportedMediaType:
		return refuse(status, "Bodies are JSON.", "Send it as JSON with the header Content-Type: application/json.").problem
	}
	if status < http.StatusInternalServerError {
		return refuse(status, "A parameter or the body is not what this operation takes.", "Compare it with /api/v1/openapi.yaml.").problem
	}
	return internal()
}

// worded splits the words of an error, which end with what to do.
func worded(status int, text string) Problem {
	detail, todo := text, ""
	if i := strings.LastIndex(text, ". "); i >= 0 {
		detail, todo = text[:i+1], text[i+2:]
	} else if i := strings.LastIndex(text, "; "); i >= 0 {
		detail, todo = text[:i], text[i+2:]
	}
	if todo == "" {
		todo = "Change the request and try again."
	}
	return refuse(status, sentence(detail), sentence(todo)).problem
}

// sentence gives words a capital at the beginning and a mark at the end.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return text
}

// write sends a problem.
func (p Problem) write(w http.ResponseWriter) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "application/problem+json")
	switch p.Status {
	case http.StatusUnauthorized:
		head.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		head.Set("Retry-After", "5")
	}
	w.WriteHeader(p.Status)
	_, err = w.Write(append(body, '\n'))
	return err
}
