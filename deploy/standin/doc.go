// Package standin holds the outside world on one machine: stand-ins for the
// vendors the product talks to, each a package of its own that answers as the
// vendor does, and the demo site. Commands and tests import them; the product
// does not.
package standin
