package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want string }{
		{"with a line end", "hush\n", "hush"},
		{"with that of Windows", "hush\r\n", "hush"},
		{"without one", "hush", "hush"},
		{"with spaces, which belong to it", " hu sh \n", " hu sh "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := write(t, "salt", tt.content)
			c := load(t, Sources{Flags: map[string]string{"avatar_salt_file": name}})
			if string(c.AvatarSalt) != tt.want {
				t.Errorf("got %q, want %q", string(c.AvatarSalt), tt.want)
			}
		})
	}
}

func TestSecretFilesRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"open": "hush", "half": "hush", "empty": "", "newline": "\n", "large": strings.Repeat("hush", 1<<19), "lines": "hush\nhush\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"open": 0o644, "half": 0o602} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, rule := range map[string]string{
		"open":    "may be read or changed by every user of the machine (mode 0644): run chmod o= on it",
		"half":    "may be read or changed by every user of the machine (mode 0602): run chmod o= on it",
		"empty":   "is empty",
		"newline": "is empty",
		"large":   "is larger than 1024 KiB",
		"none":    "cannot be read: no such file or directory",
		"pipe":    "is not a file",
		".":       "is not a file",
		"a\nb":    "cannot be read: no such file or directory",
	} {
		for _, key := range []string{"source", "avatar_salt", "jobs.database"} {
			t.Run(key+" "+name, func(t *testing.T) {
				t.Parallel()
				s := table()[indexOf(key)]
				path := dir + "/" + name
				_, err := Load(Sources{Flags: map[string]string{key + "_file": path}})
				want := "--" + s.Flag + "-file: " + key + "_file: " + quoted(path) + " " + rule
				if text(err) != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			})
		}
	}
	t.Run("two lines", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(dir, "lines")
		_, err := Load(Sources{Flags: map[string]string{"avatar_salt_file": path}})
		if want := "--avatar-salt-file: " + path + ": avatar_salt: *** must be text of printable characters"; text(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

func indexOf(key string) int {
	for i, s := range table() {
		if s.Key == key {
			return i
		}
	}
	return -1
}

// TestSecretAndFile checks that a secret and the file that holds it are one setting.
func TestSecretAndFile(t *testing.T) {
	t.Parallel()
	file := write(t, "salt", "from-file\n")
	inFile := Sources{File: []byte("avatar_salt: direct\n"), FileName: "f.yaml"}
	inFile.Flags = map[string]string{"avatar_salt_file": file}
	if c := load(t, inFile); c.AvatarSalt != "from-file" {
		t.Errorf("got %q, want that of the flag", string(c.AvatarSalt))
	}
	nameInFile := Sources{File: []byte("avatar_salt_file: /none\n"), FileName: "f.yaml"}
	nameInFile.Env = func(name string) string { return map[string]string{"REALMPORT_AVATAR_SALT": "direct"}[name] }
	if c := load(t, nameInFile); c.AvatarSalt != "direct" {
		t.Errorf("got %q, want that of the environment", string(c.AvatarSalt))
	}
	_, err := Load(Sources{File: []byte("avatar_salt: hush\navatar_salt_file: /none\n"), FileName: "f.yaml"})
	if want := `f.yaml:2: avatar_salt_file: "/none" is given together with avatar_salt (f.yaml:1): leave one out`; !strings.Contains(text(err), want) || strings.Contains(text(err), "hush") {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
