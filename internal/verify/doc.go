// Package verify checks an archive of an organization by reading nothing but the archive.
//
// It tells whether the archive is whole (every file that a record names is there with the
// right size, the counts are those of stats.json, the message files are
// numbered without a gap and ascend), whether it is closed (no reference leaves it), and
// whether a server can import it as far as that shows in the files.
//
// An archive may come from anyone. Nothing of it is ever written anywhere, no row, name or list is
// trusted, and memory is bounded: rows stream, and of ids only compressed sets are held.
// The archive is read once; only when a reference or a file turns out to be missing is it read a
// second time, to name the rows.
package verify
