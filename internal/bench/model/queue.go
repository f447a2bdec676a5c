package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// host is a server with many organizations, whose exports are asked for in a week.
type host struct {
	realms int
	cores  int // of all workers together
	places int // limits.exports
	// fair has the organization with the fewest exports at work go first, and then who waited longest since its last one; else who asked first.
	fair     bool
	perRealm int  // limits.exports_per_realm; 0 for no limit
	shares   bool // huge exports share all workers part by part; else each export has the processors of one process
	perHost  int  // processors of a process
	within   float64
	pause    float64 // seconds for which a place stays empty between two exports
	// greedy organizations ask for that many exports each, at the beginning.
	greedy, asks int
}

// Sizes of organizations: a Pareto distribution, cut off.
const (
	leastMessages = 1000
	mostMessages  = 100_000_000
	tail          = 0.7
	teamMessages  = 100_000 // parts.min_messages
)

// request is an export that was asked for.
type request struct {
	realm, messages     int
	asked, begun, ended float64
	left                float64 // processor seconds
}

// huge tells whether an export is made by a team.
func (r *request) huge() bool { return r.messages >= teamMessages }

// size draws the size of an organization.
func size(rnd *rand.Rand) int {
	u := 1 - rnd.Float64()*(1-math.Pow(float64(leastMessages)/mostMessages, tail))
	return min(int(leastMessages*math.Pow(u, -1/tail)), mostMessages)
}

// requests draws who asks when.
func (h host) requests(seed uint64) []*request {
	rnd := rand.New(rand.NewPCG(seed, 0))
	var list []*request
	for realm := range h.realms {
		messages := size(rnd)
		asks, at := 1, rnd.Float64()*h.within
		if realm < h.greedy {
			asks, at, messages = h.asks, 0, teamMessages/2
		}
		for range asks {
			list = append(list, &request{realm: realm, messages: messages, asked: at})
		}
	}
	slices.SortStableFunc(list, func(a, b *request) int { return cmp.Compare(a.asked, b.asked) })
	return list
}

// run makes all exports, and returns them with the share of the processors' time that was used.
func (h host) run(f figures, list []*request) (busy float64) {
	r := queueRun{host: h, running: make([]int, h.realms), lastEnd: make([]float64, h.realms)}
	for _, q := range list {
		q.left = f.small + float64(q.messages)*max(f.worker, f.source)
	}
	todo := list
	for len(todo) > 0 || len(r.waiting) > 0 || len(r.active) > 0 {
		r.closed = slices.DeleteFunc(r.closed, func(until float64) bool { return until <= r.now })
		r.place()
		to := math.Inf(1)
		for _, until := range r.closed {
			to = min(to, until)
		}
		if len(todo) > 0 {
			to = min(to, todo[0].asked)
		}
		rates := r.rates()
		for i, q := range r.active {
			to = min(to, r.now+q.left/rates[i])
		}
		for i, q := range r.active {
			done := min(q.left, rates[i]*(to-r.now))
			q.left -= done
			r.done += done
		}
		r.now = to
		r.active = slices.DeleteFunc(r.active, func(q *request) bool {
			over := q.left <= 1e-6
			if over {
				q.ended = r.now
				r.running[q.realm]--
				r.lastEnd[q.realm] = r.now
				if h.pause > 0 {
					r.closed = append(r.closed, r.now+h.pause)
				}
			}
			return over
		})
		for len(todo) > 0 && todo[0].asked <= r.now {
			r.waiting = append(r.waiting, todo[0])
			todo = todo[1:]
		}
	}
	return r.done / (r.now * float64(h.cores))
}

// queueRun is a simulation under way.
type queueRun struct {
	host
	now, done       float64
	waiting, active []*request
	closed          []float64 // until when places stay empty
	running         []int     // exports at work, by organization
	lastEnd         []float64 // when the last one of an organization ended
}

// place lets exports begin while there are places.
func (r *queueRun) place() {
	for len(r.active)+len(r.closed) < r.places {
		best := -1
		for i, q := range r.waiting {
			if r.perRealm > 0 && r.running[q.realm] >= r.perRealm {
				continue
			}
			if best < 0 || r.fair && r.before(q, r.waiting[best]) {
				best = i
			}
			// They are in the order of asking: whoever comes after one that waits for nothing else is not before it.
			if !r.fair || r.running[q.realm] == 0 && r.lastEnd[q.realm] <= q.asked {
				break
			}
		}
		if best < 0 {
			return
		}
		q := r.waiting[best]
		r.waiting = slices.Delete(r.waiting, best, best+1)
		q.begun = r.now
		r.running[q.realm]++
		r.active = append(r.active, q)
	}
}

// before is the rule of internal/store.
func (r *queueRun) before(a, b *request) bool {
	return cmp.Or(
		cmp.Compare(r.running[a.realm], r.running[b.realm]),
		cmp.Compare(max(a.asked, r.lastEnd[a.realm]), max(b.asked, r.lastEnd[b.realm])),
	) < 0
}

// rates are how many processors each export at work has. Small ones never have more than one process; huge ones share what is left, if they can.
func (r *queueRun) rates() []float64 {
	rates := make([]float64, len(r.active))
	left, open := float64(r.cores), 0
	most := make([]float64, len(r.active))
	for i, q := range r.active {
		most[i] = float64(r.perHost)
		if q.huge() && r.shares {
			most[i] = float64(r.cores)
		}
		open++
	}
	order := make([]int, len(r.active))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(most[a], most[b]) })
	for _, i := range order { // who wants least first, so that what is left is shared evenly
		rates[i] = min(most[i], left/float64(open))
		left -= rates[i]
		open--
	}
	return rates
}
