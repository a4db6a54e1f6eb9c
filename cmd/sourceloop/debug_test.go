package main

import (
	"log/slog"
	"testing"

	"sourceloop/schema"
)

// Profiles hold pieces of memory, so they are never served to other machines.
func TestProfilesAreForThisMachineAlone(t *testing.T) {
	for _, address := range []string{":6060", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		if err := serveDebug(address, slog.New(slog.DiscardHandler)); schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("on %q: %v, want a refusal", address, err)
		}
	}
	for _, address := range []string{"", "127.0.0.1:0"} {
		if err := serveDebug(address, slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("on %q: %v", address, err)
		}
	}
}
