package s3

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/minio/minio-go/v7"
)

// What is written is stored with a checksum: the storage checks each part against the one sent with it, and puts together that of
// the whole. The kinds are those of which it can.
//
// Joined archives have another kind than the stored ones that they are made of, and than storages choose by themselves: versitygw
// 1.8.0 takes, for a part that is a range of an object, the object's checksum if it has one of that kind, and so ends with a wrong one.
const (
	writtenSum = minio.ChecksumCRC32C
	joinedSum  = minio.ChecksumCRC32

	algorithmHeader = "x-amz-checksum-algorithm"
	typeHeader      = "x-amz-checksum-type"
	fullObject      = "FULL_OBJECT"
)

// encode returns a checksum as the protocol writes it.
func encode(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// digest returns what the signature of a request has to cover of its body: nothing where TLS does.
func (c *Client) digest(b []byte) string {
	if c.secure {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sameSum compares what the storage says it stored, if it does, with what was sent.
func sameSum(got, want string) error {
	if got != "" && got != want {
		return fmt.Errorf("the storage stored bytes with the checksum %s, not %s", got, want)
	}
	return nil
}

// whole returns the headers with the checksum of the whole, put together from those of the parts; none if one is not known.
func whole(kind minio.ChecksumType, parts []*part) map[string]string {
	list := make([]minio.ObjectPart, len(parts))
	for i, p := range parts {
		list[i] = minio.ObjectPart{
			PartNumber: p.done.PartNumber, Size: p.size,
			ChecksumCRC32C: p.done.ChecksumCRC32C, ChecksumCRC32: p.done.ChecksumCRC32,
		}
	}
	sum, err := kind.FullObjectChecksum(list)
	if err != nil || sum.Encoded() == "" {
		return nil
	}
	return map[string]string{kind.Key(): sum.Encoded(), typeHeader: fullObject}
}
