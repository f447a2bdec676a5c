package s3

import (
	"encoding/base64"
	"hash"
)

// encode returns a checksum as the protocol writes it.
func encode(sum hash.Hash) string { return base64.StdEncoding.EncodeToString(sum.Sum(nil)) }
