package verify

import (
	"hash/maphash"
	"strings"
)

// check is one verification: what has been learnt of the archive so far.
type check struct {
	report *Report
	limit  int
	// longest is the longest value of a JSON file that is read.
	longest int64
	// naming is set in the second reading, which only names the rows and files behind what
	// the first has found.
	naming bool

	seed    maphash.Seed
	root    string // the root folder, "" before the first member
	parent  string // the folder of the last member
	names   map[uint64]node
	crowded bool // more members than can be told apart
	tables  map[string]*table
	spaces  [spaces]closure
	sets    budget
	files   map[string]*dataFile   // JSON files, by name
	history map[int64]*messageFile // message files, by number
	stats   map[string]int64       // numbers that stats.json gives, by "file/table" or "folder_records"
	folders [fileFolders]folder
	links   map[uint64]uint8 // path_ids of attachments, by hash
	emoji   map[uint64]uint8 // custom emoji by hash of id and name
	version string           // the server's, from migration_status.json

	row   row
	at    place // of the row at hand
	batch batch // of the message file at hand
}

// dataFile is what is known of a JSON file.
type dataFile struct {
	broken bool
	rows   map[string]int64 // by table
}

func newCheck(limit int) *check {
	c := &check{
		report: &Report{Tables: map[string]int64{}, Problems: []Problem{}},
		limit:  limit, longest: maxValue,
		seed:   maphash.MakeSeed(),
		names:  map[uint64]node{},
		tables: map[string]*table{},
		sets:   budget{max: maxSets},
		files:  map[string]*dataFile{}, history: map[int64]*messageFile{},
		links: map[uint64]uint8{}, emoji: map[uint64]uint8{},
	}
	for i := range c.folders {
		c.folders[i] = newFolder(i)
	}
	c.makeTables()
	c.makeSpaces()
	c.batch = newBatch(&c.sets)
	return c
}

// makeTables describes the tables that are known.
func (c *check) makeTables() {
	needs := needs()
	for _, list := range [][]string{
		requiredTables(realmFile), optionalTables(), requiredTables(analyticsFile),
		requiredTables(attachmentFile), requiredTables(messagesFile),
	} {
		for _, name := range list {
			c.tables[name] = newTable(name, needs[name], &c.sets)
		}
	}
	// The three lists of users share their ids.
	ids := c.tables["zerver_userprofile"].ids
	c.tables["zerver_userprofile_mirrordummy"].ids = ids
	c.tables["zerver_userprofile_crossrealm"].ids = ids
}

// makeSpaces says which rows meet which references.
func (c *check) makeSpaces() {
	for i := range c.spaces {
		c.spaces[i].refs = newSet(&c.sets)
	}
	for _, t := range c.tables {
		if s, ok := spaceOf(t.name); ok {
			c.spaces[s].there = []*idSet{t.ids}
		}
	}
	c.spaces[members].there = []*idSet{newSet(&c.sets)}
	c.spaces[inboxes].there = []*idSet{c.tables["zerver_recipient"].ids, newSet(&c.sets)}
}

// unread marks the spaces that a file's rows belong to as unknown.
func (c *check) unread(file string) {
	switch {
	case strings.HasPrefix(file, messagesFile):
		c.spaces[messages].unknown = true
	case file == realmFile:
		for s := range c.spaces {
			c.spaces[s].unknown = c.spaces[s].unknown || space(s) != messages
		}
	}
}

// hash returns a hash of the strings together. It differs from run to run, so that nobody can
// make up names that meet.
func (c *check) hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	for _, p := range parts {
		h.WriteString(p)
		h.WriteByte(0)
	}
	return h.Sum64()
}
