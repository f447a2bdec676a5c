// Package realmport is the domain of the exporter: what an organization
// ("realm"), a snapshot of it and an export of it are, and the small interfaces
// between the engine and the places it reads from and writes to.
//
// It imports the standard library only. Adapters (internal/postgres,
// internal/blob/local, ...) implement its interfaces; internal/export works on
// them; cmd/realmport wires everything together.
package realmport
