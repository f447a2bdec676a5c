package demo

import (
	"context"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/demo/script"
	"github.com/realmport/realmport/internal/sqlite"
)

func testOrganization(t *testing.T, messages int) *organization {
	t.Helper()
	o, err := newOrganization(t.Context(), OrganizationOptions{Secret: secret, Messages: messages}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestTalkIsAboutPeopleWeKnow looks for names in the conversations that nobody has, and for people who speak where or when they are not.
func TestTalkIsAboutPeopleWeKnow(t *testing.T) {
	t.Parallel()
	o := testOrganization(t, 0)
	mention := regexp.MustCompile(`@(_?\*\*[^*]+\*\*|\*[^*]+\*|[a-z]+)`)
	knowsEmoji := func(where, name string) {
		if _, _, ok := o.Emoji(name); !ok {
			t.Errorf("%s: there is no emoji %s", where, name)
		}
	}
	check := func(c script.Conversation, letters string) {
		known := func(key string) bool { return o.byKey[key] != nil || letters != "" && strings.Contains(letters, key) }
		for _, place := range c.Places {
			if o.byChannel[place] == nil && place != "dm" && place != "group" && place != "region" {
				t.Errorf("%s: there is no channel %s", c.Topic, place)
			}
		}
		for _, key := range c.With {
			if !known(key) {
				t.Errorf("nobody is %s", key)
			}
		}
		for _, l := range c.Lines {
			if !known(l.From) {
				t.Errorf("%s: nobody is %s", c.Topic, l.From)
			}
			for _, r := range l.Reactions {
				knowsEmoji(c.Topic, r.Emoji)
				for _, key := range r.By {
					if !known(key) {
						t.Errorf("%s: nobody is %s", c.Topic, key)
					}
				}
			}
			for _, emoji := range regexp.MustCompile(`(?:^|\s):([a-z_]+):`).FindAllStringSubmatch(l.Text, -1) {
				knowsEmoji(c.Topic, emoji[1])
			}
			for _, m := range mention.FindAllStringSubmatch(l.Text, -1) {
				name := strings.Trim(m[1], "_*")
				_, group := o.Group(name)
				if !known(name) && o.byName[name] == nil && name != "all" && !group && !strings.Contains(name, "{") {
					t.Errorf("%s: nobody is called %s", c.Topic, m[1])
				}
			}
		}
	}
	for _, c := range o.talk {
		check(c, "")
	}
	for _, c := range o.small {
		check(c, "abc")
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	for _, messages := range []int{700, DefaultMessages, 4000, 20_000} {
		o := testOrganization(t, messages)
		texts := map[string]bool{}
		var weekend, small int
		var last time.Time
		r := o.read()
		for p := r.next(); p != nil; p = r.next() {
			if p.from == nil || !p.from.there(p.at) {
				t.Fatalf("%s at %s: %q is from nobody who is there", p.topic, p.at, p.Text)
			}
			if p.to != nil && (p.to.since.After(p.at) || !p.to.until.IsZero() && p.to.until.Before(p.at)) {
				t.Errorf("%s at %s: the channel %s is not there", p.topic, p.at, p.to.name)
			}
			if !p.at.After(last) || p.at.After(o.end()) {
				t.Errorf("%s is at %s, after %s", p.topic, p.at, last)
			}
			last = p.at
			if day := p.at.Weekday(); day == time.Saturday || day == time.Sunday {
				weekend++
			}
			if p.number >= 0 {
				small++
				texts[p.speech().text] = true
			}
			if p.to == nil && p.group == nil && (p.other() == nil || p.other() == p.from) {
				t.Errorf("%q at %s: to whom?", p.Text, p.at)
			}
		}
		if r.last != int64(messages) {
			t.Errorf("got %d messages, want %d", r.last, messages)
		}
		if weekend > messages/20 {
			t.Errorf("%d of %d messages are of weekends", weekend, messages)
		}
		if len(texts) < small/3 { // the rest are as short as "Yes!"
			t.Errorf("only %d of %d messages of small talk differ", len(texts), small)
		}
	}
}

func TestHistoryIsTheSameAgain(t *testing.T) {
	t.Parallel()
	o := testOrganization(t, 5000)
	a, b := o.read(), o.read()
	for range 1000 {
		a.next() // the two are independent
	}
	a = o.read()
	for p := a.next(); p != nil; p = a.next() {
		if q := b.next(); q == nil || q.id != p.id || !q.at.Equal(p.at) || q.from != p.from || q.speech().text != p.speech().text {
			t.Fatalf("message %d is another one the second time", p.id)
		}
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	for day := range 14 {
		now := time.Date(2025, time.March, 1+day, 23, 30, 0, 0, time.FixedZone("", -3600*5))
		c := newCalendar(now)
		if last := c.workday(0); last.Weekday() == time.Saturday || last.Weekday() == time.Sunday || c.end().After(now) || now.Sub(c.end()) > 72*time.Hour {
			t.Errorf("now %s: the last day is %s", now, last)
		}
		if c.workday(5) != c.workday(0).AddDate(0, 0, -7) || !c.workday(workingDays).Before(c.begin()) || !c.begin().Equal(c.workday(workingDays-1)) {
			t.Errorf("now %s: begins at %s", now, c.begin())
		}
		sum := 0
		for i := range c.days {
			first, next := c.part(i, 1000)
			if first != sum || next < first {
				t.Fatalf("day %d has the things from %d to %d after %d", i, first, next, sum)
			}
			if sum = next; c.number(c.days[i].Add(time.Hour)) != i || c.number(c.days[i]) != i {
				t.Fatalf("day %d has another number", i)
			}
		}
		if sum != 1000 {
			t.Errorf("got %d things, want 1000", sum)
		}
	}
}

// measuring is a loader that keeps nothing, and measures the memory in use now and then.
type measuring struct {
	realmport.Loader
	rows int
	peak uint64
}

func (m *measuring) Insert(context.Context, string, []string, []any) error {
	if m.rows++; m.rows%200_000 == 0 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		m.peak = max(m.peak, s.HeapAlloc)
	}
	return nil
}

// TestOrganizationMemory checks that memory does not grow with the messages. It runs alone, since others use memory, too.
func TestOrganizationMemory(t *testing.T) {
	l, err := sqlite.Create(t.Context(), filepath.Join(t.TempDir(), "demo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Abort()
	m := &measuring{Loader: l}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := LoadOrganization(t.Context(), m, OrganizationOptions{Secret: secret, Messages: 2 * largeOrganization}); err != nil {
		t.Fatal(err)
	}
	if grown := int64(m.peak) - int64(before.HeapAlloc); m.rows < 20*largeOrganization || grown > 24<<20 {
		t.Errorf("%d rows took %d MiB of memory", m.rows, grown>>20)
	}
}
