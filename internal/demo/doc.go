// Package demo makes databases in the shape of a Zulip server's with content of its own: CreateRules a small organization that
// has one instance of each rule by which an export selects rows, with the answers worked out by hand (Expected); Generate
// organizations of any size, for measuring; CreateOrganization one that people may look at, with a year of conversations.
//
// Each has a twin that fills an embedded store with the same rows: LoadRules, LoadGenerated, LoadOrganization.
//
// Whatever it makes is the same each time, byte for byte.
package demo
