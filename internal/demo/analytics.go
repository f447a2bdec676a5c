package demo

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The properties of the server's daily statistics that the demo organization has. The sums of the first one are what
// the API takes for the number of messages.
const (
	messagesByKind  = "messages_sent:message_type:day"
	uploadSpace     = "upload_quota_used_bytes::day"
	activeUsers     = "1day_actives::day"
	messagesByPlace = "messages_in_stream:is_bot:day"
)

// dayCounts are what was sent on one day.
type dayCounts struct {
	end      time.Time
	kinds    map[string]int64 // messages by kindOf
	users    map[count]int64  // messages of members, by kindOf
	channels map[count]int64  // messages in channels, by whether a bot sent them
}

// count names a number of the statistics.
type count struct {
	of       int64 // a user or channel
	subgroup string
}

// kindOf is what the statistics call the place of a message.
func (p *post) kindOf() string {
	switch {
	case p.to != nil && p.to.secret:
		return "private_stream"
	case p.to != nil:
		return "public_stream"
	case p.group != nil:
		return "huddle_message"
	default:
		return "private_message"
	}
}

// dayReader counts the messages of one day after another.
type dayReader struct {
	r     *reader
	first *post // the first of the next day
}

func (o *organization) readDays() *dayReader {
	r := o.read()
	return &dayReader{r, r.next()}
}

// next returns the counts of the next day with messages; nil at the end.
func (d *dayReader) next() *dayCounts {
	if d.first == nil {
		return nil
	}
	c := &dayCounts{
		end:   d.first.at.Truncate(24*time.Hour).AddDate(0, 0, 1),
		kinds: map[string]int64{}, users: map[count]int64{}, channels: map[count]int64{},
	}
	p := d.first
	for ; p != nil && p.at.Before(c.end); p = d.r.next() {
		kind := p.kindOf()
		c.kinds[kind]++
		if !p.from.system {
			c.users[count{p.from.id, kind}]++
		}
		if p.to != nil {
			bot := "false"
			if p.from.bot != 0 {
				bot = "true"
			}
			c.channels[count{p.to.id, bot}]++
		}
	}
	d.first = p
	return c
}

// loadAnalytics loads the daily statistics.
func (o *organization) loadAnalytics(s sink) error {
	return firstError(
		func() error { return o.loadRealmCounts(s) },
		func() error {
			return o.loadCounts(s, "analytics_usercount", "user_id", messagesByKind, func(c *dayCounts) map[count]int64 { return c.users })
		},
		func() error {
			return o.loadCounts(s, "analytics_streamcount", "stream_id", messagesByPlace, func(c *dayCounts) map[count]int64 { return c.channels })
		},
	)
}

// loadRealmCounts loads the statistics of the organization as a whole.
func (o *organization) loadRealmCounts(s sink) error {
	var id, used int64
	uploads := slices.Sorted(maps.Keys(o.uploaded))
	return o.copyDays(s, "analytics_realmcount", []string{"id", "realm_id", "property", "subgroup", "end_time", "value"}, func(w writer, c *dayCounts) {
		add := func(property string, subgroup any, value int64) {
			id++
			write(w, id, OrganizationRealm, property, subgroup, c.end, value)
		}
		for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
			add(messagesByKind, kind, c.kinds[kind])
		}
		for ; len(uploads) > 0 && (uploads[0] < 0 || o.days[uploads[0]].Before(c.end)); uploads = uploads[1:] {
			used += o.uploaded[uploads[0]]
		}
		add(uploadSpace, nil, used)
		active := map[int64]bool{}
		for u := range c.users {
			active[u.of] = true
		}
		add(activeUsers, nil, int64(len(active)))
	})
}

// loadCounts loads the statistics of users or channels.
func (o *organization) loadCounts(s sink, table, of, property string, counts func(*dayCounts) map[count]int64) error {
	var id int64
	return o.copyDays(s, table, []string{"id", "realm_id", of, "property", "subgroup", "end_time", "value"}, func(w writer, c *dayCounts) {
		values := counts(c)
		for _, k := range slices.SortedFunc(maps.Keys(values), func(a, b count) int {
			return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.subgroup, b.subgroup))
		}) {
			id++
			write(w, id, OrganizationRealm, k.of, property, k.subgroup, c.end, values[k])
		}
	})
}

// copyDays loads rows that each write for a day.
func (o *organization) copyDays(s sink, table string, columns []string, each func(w writer, c *dayCounts)) error {
	r := o.readDays()
	err := s.copy(table, columns, func(w writer) bool {
		c := r.next()
		if c == nil || o.ctx.Err() != nil {
			return false
		}
		each(w, c)
		return true
	})
	return cmp.Or(o.ctx.Err(), err)
}
