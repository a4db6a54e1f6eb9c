package control

import "context"

// Tidy is what happens every hour.
func Tidy(ctx context.Context, s *Store) error { return s.tidy(ctx) }
