// Package journeys holds the product's rules about sessions, contacts and
// credits as journeys that an analyst can read (testdata/*.journey; README.md
// explains the format), and a naive reference that sorts everything and starts
// over, for tests at every level to compare with.
//
// The reference shares no code with the pipeline's stages. It is slow, holds
// nothing between calls, and is written to be checked against the product's
// rules by eye. Only tests may import it.
package journeys
