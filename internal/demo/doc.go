// Package demo makes databases in the shape of a Zulip server's, from its own SQL and with
// its own content: CreateRules a small organization that has one instance of each rule by which an
// export selects rows, with the answers worked out by hand (Expected); Generate
// organizations of any size.
//
// Whatever it makes is the same each time, byte for byte.
package demo
