package archive

import (
	"fmt"
	"testing"
)

func BenchmarkBuilder(b *testing.B) {
	rows := text(1, 16<<20)
	for _, level := range []int{0, 1, 2, 3, 5, 6, 9} {
		b.Run(fmt.Sprint("level=", level), func(b *testing.B) {
			pool := newPool(b, level, 1<<20)
			b.SetBytes(int64(len(rows)))
			b.ReportAllocs()
			var size int64
			for b.Loop() {
				builder := pool.Builder()
				if _, err := builder.Write(rows); err != nil {
					b.Fatal(err)
				}
				s, err := builder.Finish()
				if err != nil {
					b.Fatal(err)
				}
				size = s.Size()
				if err := s.Release(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(rows))/float64(size), "ratio")
		})
	}
}

func BenchmarkCombineCRC(b *testing.B) {
	for _, size := range []int64{1 << 10, 1 << 30, 1 << 50} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				CombineCRC(0x12345678, 0x9abcdef0, size)
			}
		})
	}
}
