package verify

import (
	"maps"
	"slices"
	"strings"
)

// conclude checks what can only be told when everything has been read.
func (c *check) conclude() {
	if c.crowded {
		return
	}
	c.checkFiles()
	if n := c.tables["zerver_realm"].rows; n != 1 && c.readAll(realmFile) && c.files[realmFile].rows["zerver_realm"] == n {
		c.tell(realmFile, "zerver_realm", 0, "there are %d rows, and must be one", n)
	}
	c.checkLacking()
	c.checkHistory()
	if c.stats != nil {
		c.checkStats()
	}
	c.close()
}

// readAll tells whether a file is there and could be read to its end.
func (c *check) readAll(file string) bool {
	f := c.files[file]
	return f != nil && !f.broken
}

// checkFiles tells which files are missing.
func (c *check) checkFiles() {
	if c.root == "" {
		c.tell("", "", 0, "the archive is empty")
		return
	}
	for _, file := range []string{realmFile, attachmentFile, migrationFile} {
		c.require(file, "the file is missing, without which the archive cannot be imported")
	}
	for _, file := range []string{analyticsFile, statsFile} {
		c.require(file, "the file is missing, which every export writes")
	}
	for i := range c.folders {
		if f := &c.folders[i]; f.required || f.begun {
			c.require(f.list(), "the file is missing, without which the archive cannot be imported")
		}
	}
}

func (c *check) require(file, fault string) {
	if c.files[file] == nil {
		c.tell(file, "", 0, "%s", fault)
		c.unread(file)
	}
}

// describedVersion is the server version whose importer format.md describes in every key.
const describedVersion = "11"

// checkLacking tells which keys rows do not have.
func (c *check) checkLacking() {
	major, _, _ := strings.Cut(c.version, ".")
	tables := make([]*table, 0, len(c.tables)+fileFolders)
	for _, name := range slices.Sorted(maps.Keys(c.tables)) {
		tables = append(tables, c.tables[name])
	}
	for i := range c.folders {
		tables = append(tables, c.folders[i].table)
	}
	for _, t := range tables {
		for i := range t.fields {
			f := &t.fields[i]
			if f.lacking > 0 && (!f.recent || major == describedVersion) {
				c.tell(f.first.file, t.name, f.first.id, "the row has no %s, without which it cannot be imported (rows like this: %d)",
					f.key, f.lacking)
			}
		}
	}
}

// checkStats compares what was read with stats.json.
func (c *check) checkStats() {
	for _, file := range []string{realmFile, analyticsFile, attachmentFile} {
		if c.readAll(file) {
			c.checkCounts(file)
		}
	}
	for i := range c.folders {
		f := &c.folders[i]
		n, ok := c.stats[f.name+"_records"]
		switch {
		case !ok:
			c.tell(statsFile, "", 0, "the number %s_records is missing", f.name)
		case n != f.records && (f.whole || !f.listed && !f.required && !f.begun):
			c.tell(f.list(), "", 0, "there are %d records, and %d by stats.json", f.records, n)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.stats)) {
		file, ok := strings.CutSuffix(name, "/")
		required := slices.Contains([]string{realmFile, analyticsFile, attachmentFile}, file+".json") // told already
		if ok && !required && c.names[c.hash(file+".json")].marks&isFile == 0 {
			c.tell(statsFile, "", 0, "the file %s is named, which is not in the archive", quoted(file+".json"))
		}
	}
	c.checkBatchStats()
}

// checkCounts compares the rows of a file with stats.json.
func (c *check) checkCounts(file string) {
	rows := c.files[file].rows
	prefix := strings.TrimSuffix(file, ".json") + "/"
	for _, table := range slices.Sorted(maps.Keys(rows)) {
		n, ok := c.stats[prefix+table]
		switch {
		case !ok:
			c.tell(file, table, 0, "stats.json does not count this table, which has %d rows", rows[table])
		case n != rows[table]:
			c.tell(file, table, 0, "there are %d rows, and %d by stats.json", rows[table], n)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.stats)) {
		table, ok := strings.CutPrefix(name, prefix)
		if _, there := rows[table]; ok && table != "" && !there && !slices.Contains(requiredTables(file), table) {
			c.tell(file, table, 0, "stats.json counts %d rows of this table, which is not in the file", c.stats[name])
		}
	}
}

// checkBatchStats compares the message files with stats.json.
func (c *check) checkBatchStats() {
	numbers := slices.Sorted(maps.Keys(c.history))
	last := int64(0) // the last file that is there; gaps before it are told elsewhere
	for _, n := range numbers {
		if c.history[n].here {
			last = n
		}
	}
	for _, n := range numbers {
		f := c.history[n]
		switch {
		case !f.here && n > last:
			c.tell(messageName(n), "", 0, "the file is missing, which stats.json names")
			c.spaces[messages].unknown = true
		case f.here && !f.inStats:
			c.tell(messageName(n), "", 0, "stats.json does not name this file")
		case f.here && f.rows != f.stats && !f.broken:
			c.tell(messageName(n), "", 0, "there are %d messages and %d usermessages, and %d and %d by stats.json",
				f.rows[0], f.rows[1], f.stats[0], f.stats[1])
		}
	}
}

// unnamed tells whether something is wrong with rows or files that only the
// second reading can name.
func (c *check) unnamed() bool {
	if c.crowded {
		return false
	}
	for i := range c.spaces {
		if c.spaces[i].dangling != nil {
			return true
		}
	}
	for _, marks := range c.emoji {
		if c.danglingEmoji(marks) {
			return true
		}
	}
	for _, marks := range c.links {
		if marks == linkListed && c.attachmentsKnown() || marks == linkAttached && c.folders[uploads].whole {
			return true
		}
	}
	for _, n := range c.names {
		if c.absent(n) || c.stray(n) {
			return true
		}
	}
	return false
}
