package demo

import (
	"container/heap"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/realmport/realmport/internal/demo/script"
)

// history knows every message of the demo organization. Messages are not kept: whoever wants them goes through all of them in the order
// of their times, as often as they like.
//
// It consists of conversations: those that are written out, at their times, and as much small talk as it takes.
type history struct {
	*team
	talk   []script.Conversation
	small  []script.Conversation
	words  script.Words
	byDay  map[int][]int // conversations that are written out, by the number of their day
	smalls int           // how much small talk there is
	spare  int           // so many messages of the last small talk are too many
}

func newHistory(t *team, talk, small []script.Conversation, words script.Words) *history {
	h := &history{team: t, talk: talk, words: words, byDay: map[int][]int{}}
	missing := t.opts.Messages
	for i, c := range talk {
		n := h.number(h.workday(c.Day))
		h.byDay[n] = append(h.byDay[n], i)
		missing -= len(c.Lines)
	}
	for _, c := range small {
		if c.Places[0] != "region" || len(t.regions) > 0 {
			h.small = append(h.small, c)
		}
	}
	for ; missing > 0; h.smalls++ {
		missing -= len(h.template(h.smalls).Lines)
	}
	h.spare = -missing
	return h
}

// template returns what the n-th small talk is made from. All of them have their turn before one comes again.
func (h *history) template(n int) *script.Conversation {
	count := len(h.small)
	round := n / count
	primes := []int{29, 31, 37, 41, 43}
	for i := range primes {
		step := primes[(round+i)%len(primes)]
		if count%step != 0 { // it visits all
			return &h.small[(n%count*step+7*round)%count]
		}
	}
	return &h.small[n%count]
}

// otherThanFriday returns small talk of as many messages for any day.
func (h *history) otherThanFriday(c *script.Conversation) *script.Conversation {
	for i := range h.small {
		if s := &h.small[i]; !s.Friday && len(s.Lines) == len(c.Lines) && s.Places[0] != "builds" {
			return s
		}
	}
	return c
}

// conversation is one that is under way.
type conversation struct {
	*script.Conversation
	h      *history
	seed   uint64
	number int                // of small talk; -1 for one that is written out
	cast   map[string]*member // small talk: who the letters are
	given  map[string]string  // small talk: what the gaps are filled with, beyond words
	topic  string
	to     *channel // nil for direct messages
	group  *group   // of direct messages to several people
	lines  int      // how many of its messages are written
	next   int
	at     time.Time // of the next message
}

// post is a message.
type post struct {
	*conversation
	*script.Line
	id   int64
	n    int // of the conversation
	at   time.Time
	from *member
}

// reader goes through the messages.
type reader struct {
	h    *history
	day  int // the first that was not begun
	last int64
	open queue
	post post
}

func (h *history) read() *reader { return &reader{h: h} }

// next returns the next message, which is valid until the one after it; nil at the end.
func (r *reader) next() *post {
	for r.day < len(r.h.days) && (len(r.open) == 0 || !r.open[0].at.Before(r.h.days[r.day])) {
		r.begin(r.day)
		r.day++
	}
	if len(r.open) == 0 {
		return nil
	}
	c := r.open[0]
	line := &c.Lines[c.next]
	r.last++
	r.post = post{conversation: c, Line: line, id: r.last, n: c.next, at: c.at, from: c.who(line.From)}
	if c.next++; c.next == c.lines {
		heap.Pop(&r.open)
	} else {
		c.at = c.after(c.at, c.next)
		heap.Fix(&r.open, 0)
	}
	return &r.post
}

// begin opens the conversations of a day.
func (r *reader) begin(day int) {
	h, date := r.h, r.h.days[day]
	for _, i := range h.byDay[day] {
		c := &conversation{Conversation: &h.talk[i], h: h, seed: scramble(uint64(i) + 1<<33), number: -1}
		c.lines, c.topic = len(c.Lines), c.Topic
		c.to = h.byChannel[c.Places[0]]
		c.group = h.byGroup[groupKey(c.With)]
		c.at = date.Add(time.Duration(c.Minute) * time.Minute).Add(fraction(c.seed))
		heap.Push(&r.open, c)
	}
	first, next := h.part(day, h.smalls)
	for n := first; n < next; n++ {
		heap.Push(&r.open, h.smallTalk(n, date))
	}
}

// smallTalk begins the n-th small talk on its day.
func (h *history) smallTalk(n int, date time.Time) *conversation {
	s := h.template(n)
	if s.Friday && date.Weekday() != time.Friday {
		s = h.otherThanFriday(s)
	}
	c := &conversation{Conversation: s, h: h, seed: scramble(uint64(n) + 1<<34), number: n, lines: len(s.Lines)}
	if n == h.smalls-1 {
		c.lines -= h.spare
	}
	minutes := uint64((s.To - s.From) * 60)
	c.at = date.Add(time.Duration(s.From) * time.Hour).Add(time.Duration(c.seed%minutes) * time.Minute).Add(fraction(c.seed))
	c.place()
	c.given = map[string]string{
		"pr": strconv.Itoa(420 + h.progress(n, 510)), "build": strconv.Itoa(2200 + 2*h.progress(n, 960)), "build2": strconv.Itoa(2201 + 2*h.progress(n, 960)),
	}
	c.given["month"] = date.Month().String()
	c.given["version"], c.given["upcoming"] = h.versions(date)
	for letter, m := range c.cast {
		c.given[letter] = m.name
	}
	c.topic = shorten(h.words.Fill(s.Topic, c.seed, c.given), 60)
	return c
}

// versions returns which version of the software is in use on a day, and which is in the making, as the conversations have it.
func (h *history) versions(day time.Time) (present, upcoming string) {
	present, upcoming = "0.8.2", "0.8.3"
	for _, v := range []struct {
		day               int // working days before the last one
		present, upcoming string
	}{{210, "0.8.3", "0.9"}, {118, "0.9", "0.9.1"}, {88, "0.9.1", "0.9.2"}, {66, "0.9.2", "0.9.3"}, {36, "0.9.3", "1.0"}} {
		if day.After(h.workday(v.day)) {
			present, upcoming = v.present, v.upcoming
		}
	}
	return present, upcoming
}

// progress is a number that grows with the history: up to most, or by one with each small talk where there is much of it.
func (h *history) progress(n, most int) int {
	if h.smalls > 2*most {
		return n
	}
	return n * most / h.smalls
}

// fraction is a part of a minute.
func fraction(seed uint64) time.Duration {
	return time.Duration(scramble(seed)%60_000_000) * time.Microsecond
}

// after returns when the n-th message is written that follows one at a time: the longer it is the later.
func (c *conversation) after(at time.Time, n int) time.Time {
	h := scramble(c.seed + uint64(n))
	l := &c.Lines[n]
	at = at.Add(l.Pause + 25*time.Second + time.Duration(len(l.Text))*150*time.Millisecond + time.Duration(h%180_000_000)*time.Microsecond)
	if l.Pause >= 24*time.Hour {
		at = later(at)
	}
	return at
}

// who returns who a line is from.
func (c *conversation) who(key string) *member {
	if m := c.cast[key]; m != nil {
		return m
	}
	return c.h.byKey[key]
}

// shorten cuts a text to so many letters.
func shorten(s string, most int) string {
	if letters := []rune(s); len(letters) > most {
		return strings.TrimSpace(string(letters[:most-1])) + "…"
	}
	return s
}

// queue is the conversations under way, by the time of their next message. It implements heap.Interface.
type queue []*conversation

// Len implements sort.Interface.
func (q queue) Len() int { return len(q) }

// Less implements sort.Interface.
func (q queue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].seed < q[j].seed
}

// Swap implements sort.Interface.
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(*conversation)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = slices.Delete(*q, last, last+1)
	return c
}
