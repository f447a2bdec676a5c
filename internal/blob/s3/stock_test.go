package s3_test

import (
	"testing"

	"github.com/realmport/realmport/internal/blob/s3"
	"github.com/realmport/realmport/internal/blobtest"
	"github.com/realmport/realmport/internal/s3server/s3test"
)

// partSize is the smallest that there is.
const partSize = 5 << 20

func stock(t *testing.T) blobtest.StockPlace {
	t.Helper()
	config, bucket := s3test.Bucket(t)
	return blobtest.StockPlace{
		Stock: s3.OpenStock(open(t, config), s3.StockConfig{Bucket: bucket, PartSize: partSize}),
		Left:  func(t *testing.T) []string { t.Helper(); return s3test.Keys(t, config, bucket) },
		Large: partSize,
	}
}

func TestArchives(t *testing.T) {
	t.Parallel()
	blobtest.TestArchives(t, func(t *testing.T) blobtest.ArchivesPlace {
		t.Helper()
		s := stock(t)
		return blobtest.ArchivesPlace{Archives: s, Left: s.Left, Large: s.Large}
	})
}

func TestStock(t *testing.T) {
	t.Parallel()
	blobtest.TestStock(t, stock)
}
