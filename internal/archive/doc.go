// Package archive writes the container of an export: a tar in one gzip member,
// made of pieces that can be compressed apart from each other, in any order.
//
// A [Pool] makes [Builder]s. A Builder compresses what it is given, tar entries
// most of all, and ends as a [Segment]: raw deflate blocks that refer to nothing
// before them, with the checksum and length of what they hold. A [Joiner]
// writes Segments one behind the other, which costs a copy and no compression, as one gzip
// member that every reader takes for an ordinary tar.gz.
//
// The bytes of a Segment depend on the calls that made it and on the level
// alone: not on the size of the memory, on spilling or on what the pool did before.
package archive
