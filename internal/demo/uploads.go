package demo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"time"
)

// neighbourFile is the neighbour's upload.
const neighbourFile = "3/1/AAAAAAAAAAAAAAAAAAAAAAAA/not-of-this-realm.txt"

// WriteRulesUploads makes the upload folder of the rules database's server in dir: files and
// avatars of all organizations on it, and files that no archive takes. Files that exist are
// overwritten.
func WriteRulesUploads(dir string) error {
	files := map[string][]byte{"files/" + neighbourFile: []byte(Foreign)}
	for _, a := range rulesAttachments() {
		if !a.lost {
			files["files/"+a.path()] = []byte(a.content)
		}
	}
	square, err := pngSquare()
	if err != nil {
		return fmt.Errorf("write demo uploads: %w", err)
	}
	addAvatars(files, square)
	return writeFiles(dir, files)
}

// addAvatars adds the files below avatars: avatars, emoji and the organization's icons.
func addAvatars(files map[string][]byte, square []byte) {
	for _, u := range []struct{ realm, user, version int64 }{
		{RulesRealm, Alice, 2},
		{RulesRealm, Alice, 1}, // of before: not hers any more
		{RulesRealm, Bob, 1},
		{NeighbourRealm, Nina, 1},
	} {
		base := fmt.Sprintf("avatars/%d/%s", u.realm, AvatarHash(u.user, u.version))
		files[base+".png"] = square
		files[base+".original"] = append(bytes.Clone(square), "original"...)
		files[base+"-medium.png"] = append(bytes.Clone(square), "medium"...)
	}
	for _, name := range []string{"1.png", "2.gif"} {
		base := fmt.Sprintf("avatars/%d/emoji/images/%s", RulesRealm, name)
		files[base] = square
		files[base+".original"] = append(bytes.Clone(square), "original"...)
	}
	files[fmt.Sprintf("avatars/%d/emoji/images/1.png", NeighbourRealm)] = []byte(Foreign)
	for _, name := range []string{"icon.original", "icon.png", "logo.png"} {
		files[fmt.Sprintf("avatars/%d/realm/%s", RulesRealm, name)] = square
	}
	files[fmt.Sprintf("avatars/%d/realm/icon.png", NeighbourRealm)] = []byte(Foreign)
}

// writeFiles writes files below dir, each with a modification time that tells
// fractions of a second.
func writeFiles(dir string, files map[string][]byte) (err error) {
	f, err := openFolder(dir, epoch)
	if err != nil {
		return err
	}
	for name, content := range files {
		err = errors.Join(err, f.write(name, content, time.Time{}))
	}
	return errors.Join(err, f.close())
}

// pngSquare returns a small picture.
func pngSquare() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, 8, 8))
	for i := range 8 {
		img.Set(i, i, color.RGBA{R: 0x52, G: 0x8d, B: 0xd9, A: 0xff})
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}
