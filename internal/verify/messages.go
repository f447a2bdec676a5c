package verify

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// messageFile is what is known of one numbered file of messages.
type messageFile struct {
	here        bool // in the archive
	first, last int64
	rows        [2]int64 // messages, usermessages
	stats       [2]int64
	inStats     bool
	broken      bool
}

// batch is the message file at hand.
type batch struct {
	messages *idSet
	early    *idSet // messages that usermessages of the file name before its messages come
	pairs    pairs
	last     int64
	disorder bool
	begun    bool // the messages have come
}

func newBatch(b *budget) batch { return batch{messages: newSet(b), early: newSet(b)} }

// reset prepares for the next file.
func (b *batch) reset() {
	b.messages.clear()
	b.early.clear()
	b.pairs.clear()
	b.last, b.disorder, b.begun = -1, false, false
}

// messageNumber returns the number in the name of a message file.
func messageNumber(name string) (int64, bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(name, "messages-"), ".json")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0 && name == messageName(n)
}

func messageName(n int64) string { return fmt.Sprintf("messages-%06d.json", n) }

// fileOf returns the entry of a numbered file.
func (c *check) fileOf(n int64) *messageFile {
	f := c.history[n]
	if f == nil {
		f = &messageFile{first: -1}
		c.history[n] = f
	}
	return f
}

func (c *check) readMessages(name string, n int64, body io.Reader) {
	c.batch.reset()
	if c.naming {
		c.readTables(name, messagesFile, body)
		return
	}
	c.files[name] = &dataFile{}
	c.readTables(name, messagesFile, body)
	data := c.files[name]
	delete(c.files, name) // one small entry is kept instead: there may be very many
	f := c.fileOf(n)
	f.here, f.broken = true, data.broken
	f.rows = [2]int64{data.rows["zerver_message"], data.rows["zerver_usermessage"]}
	c.report.Messages += f.rows[0]
	c.report.UserMessages += f.rows[1]
	if low := c.batch.messages; !low.full && !low.bits.IsEmpty() {
		f.first, f.last = int64(low.bits.Minimum()), int64(low.bits.Maximum())
	}
	if f.broken {
		return
	}
	if lost := c.batch.early.without(c.batch.messages); lost != nil {
		c.tell(name, "zerver_usermessage", 0, "%d messages are named that the file does not hold, first message %d",
			lost.GetCardinality(), lost.Minimum())
	}
}

func lookAtMessage(c *check, _ *table, _ *row) {
	if c.naming || !valid(c.at.id) {
		return
	}
	b := &c.batch
	b.begun = true
	b.messages.note(c.at.id)
	if c.at.id < b.last && !b.disorder {
		b.disorder = true
		c.tellRow("the messages of the file are not in the order of their ids: this one follows %d", b.last)
	}
	b.last = c.at.id
}

// lookAtUserMessage follows the reference to a message, which must be in the same file.
func lookAtUserMessage(c *check, t *table, r *row) {
	if c.naming {
		return
	}
	b := &c.batch
	v := t.at(r, "message")
	if v == nil || !v.whole {
		return
	}
	switch {
	case !valid(v.n):
		c.tellRow("message is %d, which is no id", v.n)
		return
	case !b.begun:
		b.early.note(v.n)
	case !b.messages.full && !b.messages.has(v.n):
		c.tellRow("message refers to message %d, which is not in the same file", v.n)
	}
	if user := t.at(r, "user_profile"); user != nil && user.whole && !b.pairs.add(v.n, user.n) {
		c.tellRow("there is another row for user %d and message %d", user.n, v.n)
	}
}

// checkHistory compares the message files with each other.
func (c *check) checkHistory() {
	last, before := int64(-1), int64(0)
	for _, n := range slices.Sorted(maps.Keys(c.history)) {
		f := c.history[n]
		if !f.here {
			continue
		}
		c.checkGap(before, n)
		before = n
		if f.first >= 0 && f.first <= last {
			c.tell(messageName(n), "zerver_message", f.first, "this message is older than the last of the files before (%d): messages would be imported out of order", last)
		}
		last = max(last, f.last)
	}
}

// checkGap tells of the numbers between two message files.
func (c *check) checkGap(before, n int64) {
	switch n {
	case before + 1:
		return
	case before + 2:
		c.tell(messageName(n-1), "", 0, "the file is missing; an import would leave out all messages from there on")
	default:
		c.tell(messageName(before+1), "", 0, "the file is missing, and all up to %s; an import would leave out all messages from there on",
			messageName(n-1))
	}
	c.spaces[messages].unknown = true
}
