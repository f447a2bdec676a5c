package main

import "container/heap"

// making is the making of the parts of messages: workers with a processor each take parts, and share PostgreSQL's processors evenly.
type making struct {
	figures
	setup
	per, total int

	now, progress    float64 // seconds, and messages that a part which was at work all the time has made of its own
	active           finishing
	waiting          []waiting // added, in order
	next, oldest     int       // part to add next, and to join next
	outstanding      int       // added, and not seen to be made
	made             []int
	seen             map[int]bool
	work, sourceWork float64
	nextLook         float64
}

type waiting struct {
	part  int
	ready float64
}

// tiny is how many messages are nothing, to the precision of the sums.
const tiny = 1e-3

// run returns the seconds until the last part was seen to be made.
func (m *making) run() float64 {
	m.seen = map[int]bool{}
	m.add()
	for m.oldest < m.total {
		m.begin()
		m.advance(m.soonest())
		for len(m.active) > 0 && m.active[0].at <= m.progress+tiny {
			f := heap.Pop(&m.active).(finish) //nolint:forcetypeassert // the heap's own
			m.made = append(m.made, f.part)
		}
		if m.now >= m.nextLook-1e-9 {
			m.look()
		}
	}
	return m.now
}

// add adds parts as the engine does: so many at a time, and none too far ahead of the oldest that is not joined.
func (m *making) add() {
	for m.next < m.total && m.outstanding < m.width && m.next < m.oldest+m.width+2 {
		m.waiting = append(m.waiting, waiting{m.next, m.now + callTime})
		m.next++
		m.outstanding++
	}
}

// begin lets free workers take parts.
func (m *making) begin() {
	for len(m.active) < m.workers && len(m.waiting) > 0 && m.waiting[0].ready <= m.now+1e-9 {
		part := m.waiting[0].part
		m.waiting = m.waiting[1:]
		heap.Push(&m.active, finish{m.progress + float64(m.size(part)), part})
	}
}

func (m *making) size(part int) int { return min(m.per, m.messages-part*m.per) }

// each is how many seconds a message of a part takes: the worker's processor, its connection's, or its share of all of PostgreSQL's.
func (m *making) each() float64 {
	return max(m.worker, m.figures.source, m.figures.source*float64(len(m.active))/float64(m.setup.source))
}

// soonest is when something happens next.
func (m *making) soonest() float64 {
	t := m.nextLook
	if len(m.active) > 0 {
		t = min(t, m.now+(m.active[0].at-m.progress)*m.each())
	}
	if len(m.active) < m.workers && len(m.waiting) > 0 {
		t = min(t, max(m.waiting[0].ready, m.now))
	}
	return t
}

// advance lets time pass.
func (m *making) advance(to float64) {
	d := to - m.now
	messages := d / m.each()
	m.work += messages * m.worker * float64(len(m.active))
	m.sourceWork += messages * m.figures.source * float64(len(m.active))
	m.now = to
	if len(m.active) > 0 {
		m.progress += messages
	}
}

// look has the coordinator see what was made.
func (m *making) look() {
	for _, part := range m.made {
		m.seen[part] = true
		m.outstanding--
	}
	m.made = m.made[:0]
	for m.seen[m.oldest] {
		delete(m.seen, m.oldest)
		m.oldest++
	}
	m.nextLook = m.now + lookEvery
	m.add()
}

// finish is when a part is made, on the scale of making.progress.
type finish struct {
	at   float64
	part int
}

// finishing are parts at work, the first to finish first.
type finishing []finish

func (h finishing) Len() int           { return len(h) }
func (h finishing) Less(i, j int) bool { return h[i].at < h[j].at }
func (h finishing) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *finishing) Push(x any) { *h = append(*h, x.(finish)) } //nolint:forcetypeassert // the heap's own

// Pop implements heap.Interface.
func (h *finishing) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
