// Package sqlite keeps organizations in one file: an SQLite database of the shape of a Zulip server's. It fills a new one
// (Create), opens one for use by a service (OpenDB), and reads one as an export's source (Open).
//
// # Values
//
// Whoever reads and writes the tables with SQL finds and keeps values in these forms. The declared type of a column is PostgreSQL's
// name of it, with a second word where SQLite would take the first one alone for a number's.
//
//	smallint, integer, bigint   integers; a primary key is declared INTEGER, which has 64 bits
//	boolean                     the integers 0 and 1
//	text, varchar(n)            texts, UTF-8, without NUL; of at most n characters, which SQLite does not check by itself
//	timestamptz                 integers: microseconds since 1970-01-01 UTC
//	uuid text                   texts: 36 characters, lower case
//	jsonb text                  texts: a JSON value
//	tsvector text               texts of any kind; nobody reads them
//
// References are checked at the end of a transaction, if PRAGMA foreign_keys is on, as it is on what OpenDB returns. Of the unique
// indexes, those on upper and lower tell letters apart beyond ASCII, and a server's do not.
//
// The file is in WAL mode: readers see the state at which they began, and nobody waits for them. While it is in use two more files
// lie beside it, whose names end in -wal and -shm; a copy of the first one alone may lack what was written last. A process
// that uses a database must not open and close its file otherwise: on Unix that would end the locks that SQLite has on it.
package sqlite
