package main

import (
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
	files := min(max(s.messages/messagesPerFile/s.width, fewestFiles), s.mostFile)
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
	o.memory = f.base + bitmap(s) + float64(s.width+1)*float64(per)*packed(s.density) + j.buffers
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

// packed is how many bytes an id of a part that waits takes: runs of consecutive ids, of two varints each.
func packed(density float64) float64 {
	if density == 1 {
		return 0.01
	}
	return 2
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

// String is for failing tests.
func (o outcome) String() string {
	return fmt.Sprintf("%.0f s, snapshot %.0f s, %d parts, bound by %s", o.seconds, o.snapshot, o.parts, o.bound)
}
