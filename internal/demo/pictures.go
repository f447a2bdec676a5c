package demo

import (
	"fmt"
	"time"

	"github.com/realmport/realmport/internal/demo/picture"
)

// writePictures writes the organization's icon, its emoji and the avatars, by the names that a server gives them (format.md §1.5).
func (o *organization) writePictures() error {
	if o.files == nil {
		return nil
	}
	write := func(content []byte, names ...string) (err error) {
		for _, name := range names {
			if err == nil {
				err = o.files.write(fmt.Sprintf("avatars/%d/%s", OrganizationRealm, name), content, time.Time{})
			}
		}
		return err
	}
	icon := picture.Icon(100)
	if err := write(icon, "realm/icon.png", "realm/icon.original"); err != nil {
		return err
	}
	for i, e := range customEmoji() {
		name := fmt.Sprintf("emoji/images/%d.png", i+1)
		if err := write(picture.Emoji(e.name, 64), name, name+".original"); err != nil {
			return err
		}
	}
	for _, m := range o.members {
		if !m.avatar {
			continue
		}
		seed := scramble(uint64(m.id))
		base := avatarHash(m.id, 1, o.opts.AvatarSalt)
		err := firstError(
			func() error { return write(picture.Avatar(seed, 100), base+".png") },
			func() error { return write(picture.Avatar(seed, 500), base+"-medium.png", base+".original") },
			o.ctx.Err,
		)
		if err != nil {
			return err
		}
	}
	return nil
}
