package pgcluster

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// serverUser says whom the server runs as: nil for the present user, and an
// unprivileged one in place of root.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("choose a user for the server: it does not run as root, and there is neither postgres nor nobody")
}

// giveAway makes the directory the server's user's own.
func (t tools) giveAway(dir string) error {
	if t.as == nil {
		return nil
	}
	return os.Chown(dir, int(t.as.Uid), int(t.as.Gid))
}
