package verify

import "github.com/RoaringBitmap/roaring/v2/roaring64"

const (
	// maxID is beyond every id that a server can have given; it bounds what an
	// invented id costs.
	maxID = 1 << 48
	// maxSets is the memory that all sets may take, and containerCost about what a part of a set takes beside
	// its bits. Hundreds of millions of ids as a server gives them fit; ids strewn at random do not.
	maxSets       = 768 << 20
	containerCost = 64
	// measureEvery is after how many ids a set is measured again.
	measureEvery = 1 << 16
)

// budget is the memory that sets share.
type budget struct{ used, max uint64 }

// idSet is a set of ids. One that outgrows the budget is given up: it is
// full from then on, empty, and nothing can be concluded from it.
type idSet struct {
	bits   *roaring64.Bitmap
	budget *budget
	last   int64 // the last id asked for: most repeat
	adds   int
	size   uint64
	full   bool
}

func newSet(b *budget) *idSet {
	return &idSet{bits: roaring64.New(), budget: b, last: -1}
}

// valid tells whether a number can be an id.
func valid(id int64) bool { return id >= 0 && id < maxID }

// add puts a valid id in and tells whether it is new. A set that is full takes everything for new.
func (s *idSet) add(id int64) bool {
	if s.full {
		return true
	}
	s.last = id
	if !s.bits.CheckedAdd(uint64(id)) {
		return false
	}
	s.grown()
	return true
}

// note puts a valid id in.
func (s *idSet) note(id int64) {
	if id != s.last && !s.full {
		s.add(id)
	}
}

func (s *idSet) has(id int64) bool { return s.bits.Contains(uint64(id)) }

// grown keeps the books after a new id.
func (s *idSet) grown() {
	if s.adds++; s.adds%measureEvery != 0 {
		return
	}
	stats := s.bits.Stats()
	size := s.bits.GetSizeInBytes() + stats.Containers*containerCost
	s.budget.used += size - s.size
	s.size = size
	if s.budget.used > s.budget.max {
		s.clear()
		s.full = true
	}
}

// clear empties the set.
func (s *idSet) clear() {
	s.budget.used -= s.size
	*s = idSet{bits: roaring64.New(), budget: s.budget, last: -1}
}

// without returns the ids of s that are in none of the others, nil if there are none or it cannot be told.
func (s *idSet) without(others ...*idSet) *roaring64.Bitmap {
	left := s.bits
	for _, other := range others {
		if other.full {
			return nil
		}
		left = roaring64.AndNot(left, other.bits)
	}
	if left.IsEmpty() {
		return nil
	}
	return left
}
