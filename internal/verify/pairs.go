package verify

import "math/rand/v2"

const (
	firstPairs = 1 << 12
	// maxPairs is how many usermessages of one file are compared; a server puts a
	// thousand messages into a file.
	maxPairs = 1 << 20
)

// pairs is a set of pairs of a message and a user. It is exact for ids of up to 32
// bits, which those are, and takes the pairs beyond maxPairs for new. The zero pairs is ready.
type pairs struct {
	slots []uint64 // a pair plus one, or 0; at most half are in use
	used  int
	odd   uint64 // mixes the bits, unforeseeably
}

func (p *pairs) clear() {
	if len(p.slots) > 16*max(p.used, firstPairs) {
		p.slots = nil // one large file must not make all others slow
	}
	if p.used > 0 {
		clear(p.slots)
	}
	p.used = 0
}

// add puts a pair in and tells whether it is new.
func (p *pairs) add(message, user int64) bool {
	if message>>32 != 0 || user>>32 != 0 || user == 1<<32-1 || p.used >= maxPairs {
		return true
	}
	if 2*p.used >= len(p.slots) {
		p.grow()
	}
	return p.put(uint64(message)<<32 | uint64(user) + 1)
}

func (p *pairs) put(pair uint64) bool {
	mask := uint64(len(p.slots) - 1)
	for i := (pair * p.odd) >> 32 & mask; ; i = (i + 1) & mask {
		switch p.slots[i] {
		case 0:
			p.slots[i] = pair
			p.used++
			return true
		case pair:
			return false
		}
	}
}

func (p *pairs) grow() {
	old := p.slots
	if p.odd == 0 {
		p.odd = rand.Uint64() | 1
	}
	p.slots, p.used = make([]uint64, max(firstPairs, 2*len(old))), 0
	for _, pair := range old {
		if pair != 0 {
			p.put(pair)
		}
	}
}
