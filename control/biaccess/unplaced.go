package biaccess

import (
	"context"

	"sourceloop/control"
)

// Unplaced answers where it is not known how tools would reach ClickHouse: with
// the reason.
type Unplaced struct{ Why error }

// Place is nowhere.
func (Unplaced) Place() Place { return Place{} }

// Users are not told.
func (u Unplaced) Users(context.Context, control.Principal) ([]User, error) { return nil, u.Why }

// Add adds nobody.
func (u Unplaced) Add(context.Context, control.Principal, string, bool) (User, string, error) {
	return User{}, "", u.Why
}

// Remove removes nobody.
func (u Unplaced) Remove(context.Context, control.Principal, string) (State, []string, error) {
	return "", nil, u.Why
}

// Confirm forgets nobody.
func (u Unplaced) Confirm(context.Context, control.Principal, string) error { return u.Why }
