//go:build !race

package demo

// largeOrganization is how many messages a large organization of the tests has.
const largeOrganization = 50_000
