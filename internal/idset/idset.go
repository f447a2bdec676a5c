// Package idset holds sets of row ids, compressed: ten million consecutive
// message ids take about a megabyte.
package idset

import (
	"iter"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// Set is a set of non-negative ids. The zero Set is not ready; use New. It is
// safe for concurrent reading, not for writing.
type Set struct{ bits *roaring64.Bitmap }

// New makes a set of the given ids.
func New(ids ...int64) *Set {
	s := &Set{bits: roaring64.New()}
	for _, id := range ids {
		s.Add(id)
	}
	return s
}

// Add puts an id in.
func (s *Set) Add(id int64) { s.bits.Add(uint64(id)) }

// AddAll puts the ids of other in.
func (s *Set) AddAll(other *Set) { s.bits.Or(other.bits) }

// Remove takes the ids of other out.
func (s *Set) Remove(other *Set) { s.bits.AndNot(other.bits) }

// Has tells whether the id is in the set.
func (s *Set) Has(id int64) bool { return s.bits.Contains(uint64(id)) }

// Len is the number of ids.
func (s *Set) Len() int { return int(s.bits.GetCardinality()) }

// Slice returns the ids in ascending order. The caller owns the slice.
func (s *Set) Slice() []int64 {
	ids := make([]int64, 0, s.Len())
	for it := s.bits.Iterator(); it.HasNext(); {
		ids = append(ids, int64(it.Next()))
	}
	return ids
}

// Union returns a new set of the ids that are in any of the sets.
func Union(sets ...*Set) *Set {
	u := New()
	for _, s := range sets {
		u.AddAll(s)
	}
	return u
}

// Minus returns a new set of the ids of a that are not in b.
func Minus(a, b *Set) *Set {
	d := &Set{bits: a.bits.Clone()}
	d.Remove(b)
	return d
}

// Intersect returns a new set of the ids that are in both.
func Intersect(a, b *Set) *Set {
	return &Set{bits: roaring64.And(a.bits, b.bits)}
}

// Batches yields the ids in ascending order, n at a time, which is positive; the last batch may be shorter. Each
// slice is the consumer's to keep.
func (s *Set) Batches(n int) iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		left, it := s.Len(), s.bits.Iterator()
		for ; it.HasNext(); left -= n {
			batch := make([]int64, 0, min(n, left))
			for len(batch) < n && it.HasNext() {
				batch = append(batch, int64(it.Next()))
			}
			if !yield(batch) {
				return
			}
		}
	}
}

// Dense returns the set in a form that answers faster, for sets that are asked about
// every row. It does not follow later changes of s.
func (s *Set) Dense() Dense {
	d := Dense{set: s}
	if s.bits.IsEmpty() || s.bits.Maximum() >= denseLimit {
		return d
	}
	d.words = make([]uint64, s.bits.Maximum()/wordBits+1)
	for it := s.bits.Iterator(); it.HasNext(); {
		id := it.Next()
		d.words[id/wordBits] |= 1 << (id % wordBits)
	}
	return d
}

const (
	wordBits = 64
	// denseLimit bounds a Dense to two megabytes; sets with larger ids stay compressed.
	denseLimit = 1 << 24
)

// Dense is a set that does not change any more.
type Dense struct {
	words []uint64
	set   *Set
}

// Has tells whether the id is in the set.
func (d Dense) Has(id int64) bool {
	if word := uint64(id) / wordBits; word < uint64(len(d.words)) {
		return d.words[word]>>(uint64(id)%wordBits)&1 == 1
	}
	return d.words == nil && d.set.Has(id)
}
