package main

import (
	"container/heap"
	"fmt"
	"math"
)

// setup is an export to simulate.
type setup struct {
	messages int
	density  float64 // share of the ids of all messages that are of the organization
	workers  int     // processors that make parts
	perHost  int     // processors of a process
	source   int     // processors of PostgreSQL
	width    int     // parts.width
	mostFile int     // most files in a part
	mostPart int     // at most so many parts, by larger ones; 0 for no limit
	objects  int     // uploaded files
	object   float64 // bytes of one
}

// outcome is how it goes.
type outcome struct {
	seconds  float64 // in all
	snapshot float64 // how long the snapshot is open
	parts    int
	requests float64
	bytes    float64 // of the archive
	moved    float64 // bytes of stored parts that pass the coordinator
	memory   float64 // bytes, of the coordinator
	helper   float64 // bytes, of another process
	bound    string
	// Of the time in which parts of messages are made.
	making       float64 // seconds
	workerShare  float64 // of all workers' processors
	sourceShare  float64
	workSeconds  float64 // processor time of workers
	uploadPieces int     // of the archive's multipart upload
}

// partMessages is how many messages are in a part.
func (s setup) partMessages() int {
	files := min(max(s.messages/messagesPerFile/(partsPerMate*s.width), fewestFiles), s.mostFile)
	if s.mostPart > 0 {
		files = max(files, int(math.Ceil(float64(s.messages)/messagesPerFile/float64(s.mostPart))))
	}
	return files * messagesPerFile
}

// simulate runs the export.
func simulate(f figures, s setup) outcome {
	selection := f.fixed + float64(s.messages)/f.selection
	tables := float64(s.messages) * f.tableRows * f.tableRow
	per := s.partMessages()
	o := outcome{parts: (s.messages + per - 1) / per, bytes: float64(s.messages) * (f.archive + f.tableRows*f.tableByte)}
	m := making{figures: f, setup: s, per: per, total: o.parts}
	o.making = m.run()
	o.workSeconds = m.work
	o.workerShare, o.sourceShare = m.work/o.making/float64(s.workers), m.sourceWork/o.making/float64(s.source)
	o.snapshot = selection + max(o.making, tables)
	j := joined(f, s, per)
	files, _ := filesTime(f, s)
	o.moved, o.uploadPieces = j.moved, j.pieces
	// Copies go on beside the making; what is moved passes the coordinator in turn.
	o.seconds = max(o.snapshot, selection+j.seconds) + files
	o.requests = j.requests + float64(s.objects) + 3*float64(s.objects)/filesPerTeam
	o.bytes += float64(s.objects) * s.object
	o.memory = f.base + bitmap(s) + float64(s.width+1)*float64(per)*8 + j.buffers
	o.helper = f.base + float64(min(s.perHost, s.workers))*(buildMemory+min(uploadsAtOnce*uploadPart, float64(per)*f.archive))
	o.bound = o.boundBy(tables, selection, j.seconds, files)
	return o
}

// boundBy names what takes longest.
func (o outcome) boundBy(tables, selection, joining, files float64) string {
	switch {
	case files > o.snapshot:
		return "files"
	case joining > max(o.making, tables):
		return "joining"
	case selection > o.making && selection > tables:
		return "selection"
	case tables > o.making:
		return "other tables"
	case o.sourceShare > 0.9:
		return "PostgreSQL"
	case o.workerShare > 0.8:
		return "workers"
	default:
		return "parts in flight"
	}
}

// bitmap is the memory of the ids of the selected messages: Roaring bitmaps of 65,536 ids each, 2 bytes an id or 8 KiB.
func bitmap(s setup) float64 {
	each := min(2, 0.125/s.density)
	return float64(s.messages) * each
}

// filesTime is how long copying the uploaded files takes: their requests, the processors' time, or what passes the coordinator, whichever is longest.
func filesTime(f figures, s setup) (seconds float64, bound string) {
	n := float64(s.objects)
	hosts := math.Ceil(float64(s.workers) / float64(s.perHost))
	seconds, bound = n*f.latency/(objectsAtOnce*hosts), "requests"
	if t := n * f.object / float64(s.workers); t > seconds {
		seconds, bound = t, "processors"
	}
	if min(filesPerTeam*s.object, bytesPerTeam) < leastCopy { // too small to be copied
		if t := n * s.object / f.moving; t > seconds {
			seconds, bound = t, "what passes the coordinator"
		}
	}
	return seconds, bound
}

// joining is what putting the parts together takes.
type joining struct {
	seconds, moved, requests, buffers float64
	pieces                            int
}

// joined goes through the parts as internal/blob/s3 does.
func joined(f figures, s setup, per int) (j joining) {
	pending, copied := 0.0, 0.0
	partSize := func() float64 {
		size := float64(uploadPart)
		for range j.pieces / growEvery {
			size += math.Floor(size / 2)
		}
		return size
	}
	for left := s.messages; left > 0; left -= per {
		size := float64(min(per, left)) * f.archive
		j.requests += 2 + math.Ceil(size/uploadPart) // to store it: the upload's begin and end, and its parts
		if size <= uploadPart {
			j.requests -= 1
		}
		least := float64(leastCopy)
		if j.pieces > frugal {
			least = partSize()
		}
		missing := 0.0
		if pending > 0 {
			missing = max(leastCopy-pending, 0)
		}
		if size-missing < least { // read
			j.moved += size
			j.requests++
			for pending += size; pending >= partSize(); pending -= partSize() {
				j.buffers = max(j.buffers, 4*partSize())
				j.pieces++
				j.requests++
			}
			continue
		}
		if pending > 0 {
			j.moved += missing
			j.pieces++
			j.requests += 2
			pending = 0
		}
		j.pieces++
		j.requests += 2 // a look at it, and the copy
		copied += f.latency + size/f.copying
	}
	j.buffers = max(j.buffers, 4*min(partSize(), max(uploadPart, pending)))
	j.requests += 3 + float64(s.messages/per)/1000 // begin, complete, look; parts are removed by the thousand
	j.seconds = max(copied/copiesAtOnce, j.moved/f.moving)
	return j
}

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

// String is for failing tests.
func (o outcome) String() string {
	return fmt.Sprintf("%.0f s, snapshot %.0f s, %d parts, bound by %s", o.seconds, o.snapshot, o.parts, o.bound)
}
