// Package pgcluster runs a throw-away PostgreSQL server for tests, benchmarks
// and demonstrations: its own data directory, its own port on the loopback
// interface, no password, no durability.
//
// A cluster never outlives the process that started it. A watchdog process
// stops the server and removes its directory when that process ends without
// calling Stop, however it ends.
package pgcluster
