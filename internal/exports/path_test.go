package exports_test

import (
	"strings"
	"testing"

	"github.com/realmport/realmport/internal/exports"
)

const (
	secretKey = "0123456789abcdef0123456789abcdef/zulip-export-abcdefgh.tar.gz"
	folderKey = "exports/2/AAAAAAAAAAAAAAAAAAAAAAAA/zulip-export-abcdefgh.tar.gz"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	own, shared := exports.Bucket{Name: "archives"}, exports.Bucket{Name: "avatars", Shared: true}
	for _, tt := range []struct {
		what  string
		place exports.Place
		path  string
		want  string // "" for none
	}{
		{"folder", exports.Folder{}, "/user_avatars/" + folderKey, folderKey},
		{"folder, path of a bucket", exports.Folder{}, "/" + secretKey, ""},
		{"folder, avatar", exports.Folder{}, "/user_avatars/2/picture.png", ""},
		{"own bucket", own, "/" + secretKey, secretKey},
		{"own bucket, stored when it was shared", own, "/exports/" + secretKey, secretKey},
		{"own bucket, stored with its name", own, "/archives/" + secretKey, secretKey},
		{"own bucket, path of a folder", own, "/user_avatars/" + folderKey, ""},
		{"own bucket, another object", own, "/2/picture.png", ""},
		{"own bucket, no path", own, "", ""},
		{"own bucket, out of it", own, "/../" + secretKey, ""},
		{"shared bucket", shared, "/exports/" + secretKey, "exports/" + secretKey},
		{"shared bucket, stored when it was not", shared, "/" + secretKey, "exports/" + secretKey},
		{"shared bucket, stored with its name", shared, "/avatars/exports/" + secretKey, "exports/" + secretKey},
	} {
		name, ok := tt.place.Archive(tt.path)
		if ok != (tt.want != "") || ok && name != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.what, name, ok, tt.want)
		}
	}
	for _, place := range []exports.Place{exports.Folder{}, own, shared} {
		path, base := place.NewPath(7)
		again, _ := place.NewPath(7)
		name, ok := place.Archive(path)
		if !ok || !strings.HasSuffix(path, "/"+name) || !strings.HasSuffix(name, "/"+base+".tar.gz") || path == again {
			t.Errorf("%T: got path %q of %q, name %q, %v", place, path, base, name, ok)
		}
	}
}
