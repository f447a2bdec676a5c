package demo

import "time"

// place chooses where small talk is and who takes part in it.
func (c *conversation) place() {
	c.cast = map[string]*member{}
	switch place := c.Places[c.seed>>8%uint64(len(c.Places))]; place {
	case "dm":
		c.assign(func(yield func(*member)) {
			for _, m := range c.h.members {
				if m.bot == 0 && m.zone != "" {
					yield(m)
				}
			}
		})
	case "group":
		c.group = c.h.groups[c.seed>>16%uint64(len(c.h.groups))]
		c.assign(func(yield func(*member)) {
			for _, m := range c.group.members {
				yield(m)
			}
		})
	case "region":
		c.meet(c.h.regions[c.seed>>16%uint64(len(c.h.regions))])
	default:
		c.meet(place)
	}
}

// meet lets subscribers of a channel take part; those of the first one where it was not there yet, or only just.
func (c *conversation) meet(channel string) {
	c.to = c.h.byChannel[channel]
	if c.to.since.Add(time.Hour).After(c.at) {
		c.to = c.h.channels[0]
	}
	c.assign(func(yield func(*member)) {
		for _, s := range c.to.subs {
			if s.since.Before(c.at) {
				yield(s.who)
			}
		}
	})
}

// assign gives each letter of the conversation another one of the people who are there, the first of them more often than
// the last.
func (c *conversation) assign(people func(yield func(*member))) {
	var there []*member
	// A conversation may last a few days; who is about to leave takes no part.
	soon := c.at.AddDate(0, 0, 7)
	people(func(m *member) {
		if m.there(c.at) && m.there(soon) {
			there = append(there, m)
		}
	})
	for i, letter := range []string{"a", "b", "c"} {
		if len(there) == 0 { // too few: the first one speaks again
			c.cast[letter] = c.cast["a"]
			continue
		}
		h := scramble(c.seed + uint64(i)<<40)
		n := uint64(len(there))
		k := min(h%n, h>>32%n)
		c.cast[letter] = there[k]
		there = append(there[:k], there[k+1:]...)
	}
}
