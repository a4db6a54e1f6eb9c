// Package front is what stand-ins answer with, and to: bodies within a limit,
// JSON, pages with one style sheet, consent pages, secrets as they are compared
// and kept, limits, and the product's answers to what they sent.
package front
