//go:build race

package demo

// largeOrganization is how many messages a large organization of the tests has. With the race detector SQLite is slow, and what
// it looks for is in small ones too.
const largeOrganization = 6_000
