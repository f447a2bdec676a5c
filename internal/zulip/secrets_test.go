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

func TestS3Keys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, access, secret string }{
		{"as a server has them", "[secrets]\navatar_salt = x\ns3_key = AKIA1\ns3_secret_key = a/b+c=\nsecret_key = wrong\n", "AKIA1", "a/b+c="},
		{"the other way round", "[secrets]\nS3_SECRET_KEY: s\ns3_key=k\n", "k", "s"},
		{"the first counts", "[secrets]\ns3_key = k\ns3_key = wrong\ns3_secret_key = s\n", "k", "s"},
		{"none", "[secrets]\navatar_salt = x\n", "", ""},
		{"an empty file", "", "", ""},
		{"empty ones", "[secrets]\ns3_key =\ns3_secret_key =\n", "", ""},
		{"commented out", "[secrets]\n# s3_key = wrong\n; s3_secret_key = wrong\n", "", ""},
		{"another section", "[other]\ns3_key = wrong\ns3_secret_key = wrong\n", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			access, secret, err := zulip.S3Keys(file(t, "zulip-secrets.conf", tt.content))
			if err != nil || access != tt.access || secret != tt.secret {
				t.Errorf("got %q, %q, %v, want %q, %q", access, secret, err, tt.access, tt.secret)
			}
		})
	}
}

func TestS3KeysRefuses(t *testing.T) {
	t.Parallel()
	const hush = "a-secret-of-the-server"
	for _, tt := range []struct {
		name, content, says string
	}{
		{"no secret key", "[secrets]\ns3_key = " + hush + "\n", "has s3_key but no s3_secret_key"},
		{"an empty secret key", "[secrets]\ns3_key = " + hush + "\ns3_secret_key =\n", "has s3_key but no s3_secret_key"},
		{"no access key", "[secrets]\ns3_secret_key = " + hush + "\n", "has s3_secret_key but no s3_key"},
		{"a very long line", "[secrets]\ns3_key = " + strings.Repeat(hush, 1<<13) + "\n", "a line of more than 64 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := file(t, "zulip-secrets.conf", tt.content)
			access, secret, err := zulip.S3Keys(path)
			checkError(t, err, realmport.Invalid, tt.says, path)
			if access != "" || secret != "" || strings.Contains(err.Error(), hush) {
				t.Errorf("got %q, %q, %v, want no secret", access, secret, err)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		_, _, err := zulip.S3Keys(filepath.Join(t.TempDir(), "none.conf"))
		checkError(t, err, realmport.NotFound, "server's secrets", "none.conf", "s3.access_key and s3.secret_key")
	})
}
