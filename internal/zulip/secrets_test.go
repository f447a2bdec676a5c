package zulip_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/zulip"
)

func TestAvatarSalt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want string }{
		{"as a server has it", "[secrets]\nshared_secret = aaa\navatar_salt = 0123abcd\nsecret_key = bbb\n", "0123abcd"},
		{"no spaces", "[secrets]\navatar_salt=0123abcd", "0123abcd"},
		{"a colon", "[secrets]\navatar_salt: 0123abcd\n", "0123abcd"},
		{"upper case", "[secrets]\nAVATAR_SALT = 0123ABcd\n", "0123ABcd"},
		{"Windows line ends", "[secrets]\r\navatar_salt = 0123abcd\r\n", "0123abcd"},
		{"no section", "avatar_salt = 0123abcd\n", "0123abcd"},
		{"an equals sign in it", "[secrets]\navatar_salt = a=b:c\n", "a=b:c"},
		{"quotes belong to it", "[secrets]\navatar_salt = \"0123\"\n", `"0123"`},
		{"what follows belongs to it", "[secrets]\navatar_salt = 0123 # old\n", "0123 # old"},
		{"commented out", "[secrets]\n#avatar_salt = wrong\n; avatar_salt = wrong\navatar_salt = right\n", "right"},
		{"other sections", "[machine]\navatar_salt = wrong\n[secrets]\navatar_salt = right\n", "right"},
		{"longer names", "[secrets]\nold_avatar_salt = wrong\navatar_salt_2 = wrong\navatar_salt = right\n", "right"},
		{"lines without a value", "[secrets]\navatar_salt\n\nx = 1\navatar_salt = right\n", "right"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := zulip.AvatarSalt(file(t, "zulip-secrets.conf", tt.content))
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestAvatarSaltRefuses(t *testing.T) {
	t.Parallel()
	const secret = "a-secret-of-the-server"
	for _, tt := range []struct {
		name, content string
		code          realmport.Code
		says          string
	}{
		{"empty", "", realmport.NotFound, "has no line avatar_salt"},
		{"none", "[secrets]\nsecret_key = " + secret + "\n", realmport.NotFound, "has no line avatar_salt"},
		{"another section", "[other]\navatar_salt = " + secret + "\n", realmport.NotFound, "in its section secrets"},
		{"empty value", "[secrets]\nsecret_key = " + secret + "\navatar_salt =\n", realmport.Invalid, "avatar_salt is empty"},
		{"a very long line", "[secrets]\nkey = " + strings.Repeat(secret, 1<<13) + "\n", realmport.Invalid, "a line of more than 64 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := file(t, "zulip-secrets.conf", tt.content)
			got, err := zulip.AvatarSalt(path)
			checkError(t, err, tt.code, tt.says, path)
			if got != "" || strings.Contains(err.Error(), secret) {
				t.Errorf("got %q, %v, want no secret", got, err)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		_, err := zulip.AvatarSalt(filepath.Join(t.TempDir(), "none.conf"))
		checkError(t, err, realmport.NotFound, "server's secrets", "none.conf", "--avatar-salt")
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		_, err := zulip.AvatarSalt(t.TempDir())
		checkError(t, err, realmport.Invalid, "is a directory")
	})
}
