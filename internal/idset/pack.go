package idset

import (
	"encoding/binary"
	"errors"
	"iter"
	"math"
)

// Pack writes ids, which ascend, as runs: how many are left out before it and how many there are, as varints. Consecutive ids take a few bytes in
// all, scattered ones two or three each.
func Pack(ids []int64) []byte {
	var out []byte
	next := int64(0)
	for len(ids) > 0 {
		n := 1
		for n < len(ids) && ids[n] == ids[n-1]+1 {
			n++
		}
		out = binary.AppendUvarint(out, uint64(ids[0]-next))
		out = binary.AppendUvarint(out, uint64(n))
		next = ids[n-1] + 1
		ids = ids[n:]
	}
	return out
}

// mostPacked bounds what a few bytes can stand for.
const mostPacked = 1 << 24

var errPacked = errors.New("the packed ids are damaged")

// Unpack reads what Pack has written. Of anything else it returns an error, or ids that ascend.
func Unpack(b []byte) ([]int64, error) {
	var total uint64
	for run, err := range runs(b) {
		if err != nil {
			return nil, err
		}
		if total += run.n; total > mostPacked {
			return nil, errPacked
		}
	}
	ids := make([]int64, 0, total)
	for run := range runs(b) {
		for i := range run.n {
			ids = append(ids, run.first+int64(i))
		}
	}
	return ids, nil
}

// run is n consecutive ids.
type run struct {
	first int64
	n     uint64
}

// runs reads packed runs, up to the first that is damaged.
func runs(b []byte) iter.Seq2[run, error] {
	return func(yield func(run, error) bool) {
		next := uint64(0)
		for len(b) > 0 {
			gap, size := binary.Uvarint(b)
			n, more := binary.Uvarint(b[max(size, 0):])
			if size <= 0 || more <= 0 || n == 0 || n > mostPacked || gap > math.MaxInt64-mostPacked || next+gap+n > math.MaxInt64 {
				yield(run{}, errPacked)
				return
			}
			b = b[size+more:]
			if !yield(run{int64(next + gap), n}, nil) {
				return
			}
			next += gap + n
		}
	}
}
