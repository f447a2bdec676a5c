package verify

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// The small files at the top.
const (
	statsFile     = "stats.json"
	migrationFile = "migration_status.json"
	missingFile   = "missing.json"
	consentFile   = "consented_user_ids.json"
)

// maxStats bounds the counts of stats.json that are not about message files.
const maxStats = 10_000

// readStats takes the counts of stats.json.
func (c *check) readStats(body io.Reader) {
	c.noteFile(statsFile)
	stats := map[string]int64{}
	j := c.newJSON(body)
	err := j.object(func(name string) error {
		if n, ok := messageNumber(name + ".json"); ok {
			return c.readBatchStats(j, n)
		}
		if j.kind() != jsontext.KindBeginObject {
			return putCount(stats, name, j)
		}
		stats[name+"/"] = 0
		return j.object(func(table string) error { return putCount(stats, name+"/"+table, j) })
	})
	if c.readWell(statsFile, j, err) {
		c.stats = stats
	}
}

// readBatchStats takes the counts of a message file.
func (c *check) readBatchStats(j *jsonReader, n int64) error {
	if len(c.history) >= maxNames {
		return shapeError("names too many files")
	}
	f := c.fileOf(n)
	f.inStats = true
	counts := map[string]int64{}
	err := j.object(func(table string) error { return putCount(counts, table, j) })
	f.stats = [2]int64{counts["zerver_message"], counts["zerver_usermessage"]}
	return err
}

// putCount reads a number.
func putCount(counts map[string]int64, name string, j *jsonReader) error {
	v, err := j.value()
	if err != nil {
		return err
	}
	s := scanner{b: v}
	n, err := s.value()
	if err != nil || !n.whole || len(counts) >= maxStats {
		return shapeError("gives something other than a number of rows for " + quoted(name))
	}
	counts[name] = n.n
	return nil
}

// readMigrations looks for what an import compares with its own server.
func (c *check) readMigrations(body io.Reader) {
	c.noteFile(migrationFile)
	j := c.newJSON(body)
	migrations := false
	err := j.object(func(name string) error {
		switch name {
		case "migrations_by_app":
			migrations = true
			return j.object(func(string) error { return j.array(text) })
		case "zulip_version":
			v, err := j.value()
			if err != nil || len(v) > maxName {
				return err
			}
			version := value{kind: v.Kind(), raw: v}
			c.version = version.text()
			return nil
		}
		_, err := j.value()
		return err
	})
	if !c.readWell(migrationFile, j, err) {
		return
	}
	if !migrations {
		c.tell(migrationFile, "", 0, "migrations_by_app is missing, without which the archive cannot be imported")
	}
	if c.version == "" {
		c.tell(migrationFile, "", 0, "zulip_version is missing, without which the archive cannot be imported")
	}
}

// text accepts strings.
func text(v jsontext.Value) error {
	if v.Kind() != jsontext.KindString {
		return shapeError("holds " + article(v.Kind()) + " where it should hold a string")
	}
	return nil
}

// readMissing counts what the export says it had to leave out: the entries of
// an array, or of the arrays of an object.
func (c *check) readMissing(body io.Reader) {
	c.noteFile(missingFile)
	j := c.newJSON(body)
	var err error
	if j.kind() == jsontext.KindBeginObject {
		err = j.object(func(string) error {
			if j.kind() == jsontext.KindBeginArray {
				return c.countMissing(j)
			}
			_, err := j.value()
			return err
		})
	} else {
		err = c.countMissing(j)
	}
	c.readWell(missingFile, j, err)
}

// countMissing counts the elements of an array.
func (c *check) countMissing(j *jsonReader) error {
	return j.array(func(jsontext.Value) error {
		c.report.Missing++
		return nil
	})
}

// readConsent looks at the list of consenting users, which an import does not read.
func (c *check) readConsent(body io.Reader) {
	c.noteFile(consentFile)
	j := c.newJSON(body)
	err := j.array(func(v jsontext.Value) error {
		s := scanner{b: v}
		if n, err := s.value(); err != nil || !n.whole {
			return shapeError(fmt.Sprintf("holds %s where it should hold a user's id", article(v.Kind())))
		}
		return nil
	})
	c.readWell(consentFile, j, err)
}
