// Package examine gathers what package doctor decides by: it asks the settings,
// the provider and ClickHouse, and reads a page of the site when one is named.
//
// Everything is read, nothing is repaired: that is the card's Test. Each question
// has a limit, and one that stays without an answer makes a step "not known",
// never an error of the whole.
//
// # A page
//
// A page is fetched only when somebody who may manage connections names it; an
// address from a hit, which anybody can forge, is offered and never fetched. The
// dialer refuses addresses of private networks after DNS has been asked, so that
// the server cannot be made to read its own neighbours; an operator whose site
// is in such a network says so by a setting.
package examine
