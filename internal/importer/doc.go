// Package importer fills an embedded store from an organization's archive: one of realmport's, or one that a Zulip
// server made, of any type. It is the inverse of the export: exporting the store again, all of it, gives the
// same rows with the same ids.
//
// The archive is read once, from its beginning, so that it may come from a pipe. Rows stream into the store as they come, in
// whatever order the archive has its files; references are checked when all is in. Only rows of the few tables that need to
// know others first wait in a temporary file. Files go to disk and get their places when the lists that describe
// them have been read.
//
// An archive may come from anyone: no name, number or text of it is trusted, memory is bounded, and nothing is kept
// unless all of it is.
package importer
