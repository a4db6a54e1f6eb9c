// Package check compares what the API says with what load says must come out.
//
// Everything is compared value by value: the figures of traffic and of each of its days; every row of every attribution
// report under seven models; every step of every funnel and its breakdown; every contact with its fields, its links, the
// sessions of its journey with their items, and the touches of each of its conversions. Numbers may differ by one in a
// million. A row or a contact too many is a difference as is one that is missing.
//
// A pipeline needs a moment, so a comparison is repeated until there is no difference, or until the differences have
// stayed the same for a while.
package check
