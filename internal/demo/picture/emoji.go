package picture

import (
	"image"
	"image/color"
)

// paint says which colour a point has; the square goes from -1 to 1 both ways, y downwards. No colour is transparent.
type paint func(x, y float64) color.RGBA

// draw draws it in a square of so many pixels, with soft edges.
func (p paint) draw(size int) []byte {
	const fine = 3 // points per pixel, each way
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	at := func(i int) float64 { return (float64(i)+0.5)*2/float64(size*fine) - 1 }
	for y := range size {
		for x := range size {
			var r, g, b, a int
			for j := range fine {
				for i := range fine {
					c := p(at(x*fine+i), at(y*fine+j))
					if c.A != 0 {
						r, g, b, a = r+int(c.R), g+int(c.G), b+int(c.B), a+1
					}
				}
			}
			if a > 0 {
				img.SetNRGBA(x, y, color.NRGBA{R: uint8(r / a), G: uint8(g / a), B: uint8(b / a), A: uint8(a * 255 / (fine * fine))})
			}
		}
	}
	return encode(img)
}

// disc tells whether a point is in an ellipse.
func disc(x, y, cx, cy, rx, ry float64) bool {
	dx, dy := (x-cx)/rx, (y-cy)/ry
	return dx*dx+dy*dy < 1
}

// Emoji draws the custom emoji of that name: hedgehog, blackberry, signpost, or a sprout for any other.
func Emoji(name string, size int) []byte {
	switch name {
	case "hedgehog":
		return paint(hedgehog).draw(size)
	case "blackberry":
		return paint(blackberry).draw(size)
	case "signpost":
		return paint(signpost).draw(size)
	default:
		return paint(sprout).draw(size)
	}
}

// Icon draws the organization's icon: the hedgehog on its meadow.
func Icon(size int) []byte {
	return paint(func(x, y float64) color.RGBA {
		if c := hedgehog(x*1.25, y*1.25+0.1); c.A != 0 {
			return c
		}
		if y > 0.45 {
			return rgb(0x7fa35f)
		}
		return rgb(0xe8f0e4)
	}).draw(size)
}

func hedgehog(x, y float64) color.RGBA {
	spines := disc(x, y, -0.12, 0.1, 0.74, 0.62)
	for i := range 9 { // tips along the back
		t := float64(i)/8*2 - 1
		cx, cy := -0.12+t*0.7, 0.1-0.62*(1-t*t*0.8)
		spines = spines || disc(x, y, cx, cy, 0.09, 0.16)
	}
	switch {
	case y > 0.66:
		if disc(x, y, -0.35, 0.68, 0.14, 0.1) || disc(x, y, 0.25, 0.68, 0.14, 0.1) {
			return rgb(0x6d4c33)
		}
		return color.RGBA{}
	case disc(x, y, 0.93, 0.36, 0.08, 0.08), disc(x, y, 0.55, 0.2, 0.06, 0.07): // nose and eye
		return rgb(0x2b2320)
	case disc(x, y, 0.5, 0.36, 0.42, 0.28):
		return rgb(0xe3c29b)
	case disc(x, y, 0.3, 0.12, 0.13, 0.15):
		return rgb(0xc69c72)
	case spines && int((x+2)*9+(y+2)*5)%3 == 0:
		return rgb(0x8a6547)
	case spines:
		return rgb(0x5e432f)
	default:
		return color.RGBA{}
	}
}

func blackberry(x, y float64) color.RGBA {
	for row := range 4 {
		for k := range 4 - row {
			cx := (float64(k) - float64(3-row)/2) * 0.42
			cy := -0.15 + float64(row)*0.3
			if disc(x, y, cx-0.07, cy-0.07, 0.07, 0.07) {
				return rgb(0x9f7fc4)
			}
			if disc(x, y, cx, cy, 0.24, 0.24) {
				return rgb([]uint32{0x3b2456, 0x4c2f6d}[(row+k)%2])
			}
		}
	}
	if y < -0.2 && (disc(x, y, -0.28, -0.5, 0.3, 0.14) || disc(x, y, 0.28, -0.5, 0.3, 0.14) || disc(x, y, 0, -0.65, 0.1, 0.3)) {
		return rgb(0x5a8f3c)
	}
	return color.RGBA{}
}

func signpost(x, y float64) color.RGBA {
	arm := func(cy, from, to, tip float64) bool {
		half := 0.17
		if x > min(from, to) && x < max(from, to) && y > cy-half && y < cy+half {
			return true
		}
		d := (x - to) / (tip - to)
		return d >= 0 && d < 1 && y > cy-half*(1-d) && y < cy+half*(1-d)
	}
	switch {
	case arm(-0.5, -0.4, 0.55, 0.85):
		return rgb(0xe0b64b)
	case arm(0, 0.4, -0.55, -0.85):
		return rgb(0xd99a3a)
	case x > -0.09 && x < 0.09 && y > -0.85:
		return rgb(0x7a5436)
	case disc(x, y, 0, 0.95, 0.5, 0.16):
		return rgb(0x6f9a52)
	default:
		return color.RGBA{}
	}
}

func sprout(x, y float64) color.RGBA {
	switch {
	case disc(x, y, -0.42, -0.25, 0.45, 0.22), disc(x, y, 0.42, -0.45, 0.45, 0.22):
		return rgb(0x6fae4e)
	case x > -0.06 && x < 0.06 && y > -0.5 && y < 0.7:
		return rgb(0x4f8a3a)
	case disc(x, y, 0, 0.8, 0.6, 0.18):
		return rgb(0x7a5436)
	default:
		return color.RGBA{}
	}
}
