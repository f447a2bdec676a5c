//go:build !linux

package postgres

import "syscall"

// limitSilence does nothing where keepalives must do.
func limitSilence(string, string, syscall.RawConn) error { return nil }
