// Package picture draws the small pictures and writes the small files that the demo organization has: avatars, custom emoji, an icon,
// landscapes, documents. The same seed makes the same bytes.
package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// encode returns a picture as PNG.
func encode(img image.Image) []byte {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&b, img); err != nil {
		panic(err) // a buffer takes everything, and the pictures have a size
	}
	return b.Bytes()
}

// scramble turns a number into one that looks random.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xff}
}

// Avatar draws what stands for a person in a square of so many pixels: a pattern that is the same from the left and from
// the right.
func Avatar(seed uint64, size int) []byte {
	const cells, margin = 5, 1
	inks := []uint32{0x3f6b52, 0x8a5a44, 0x4a6fa5, 0x9c5c8e, 0xb5762f, 0x2f7f86, 0x7a5fa0, 0xa8453f, 0x5a7d3c, 0x596275}
	papers := []uint32{0xf2efe6, 0xe8f0e4, 0xe6edf5, 0xf6eaf1, 0xfaf0dd}
	h := scramble(seed)
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{rgb(papers[h%uint64(len(papers))]), rgb(inks[h>>8%uint64(len(inks))])})
	for y := range size {
		line := y*(cells+2*margin)/size - margin
		if line < 0 || line >= cells {
			continue
		}
		row := img.Pix[y*img.Stride:][:size]
		if y > 0 && (y-1)*(cells+2*margin)/size-margin == line {
			copy(row, img.Pix[(y-1)*img.Stride:])
			continue
		}
		for x := range size {
			column := x*(cells+2*margin)/size - margin
			if column >= 0 && column < cells && h>>(16+line*3+min(column, cells-1-column))&1 == 1 {
				row[x] = 1
			}
		}
	}
	return encode(img)
}

// Landscape draws hills under a sky with a path that leads into them.
func Landscape(seed uint64, width, height int) []byte {
	h := scramble(seed)
	skies := []uint32{0xcfe3ee, 0xf4d9c0, 0xdfe4e8, 0xb9c9e4}
	palette := color.Palette{
		rgb(skies[h%4]), rgb(0xfbe7a1), rgb(0xa9bfae), rgb(0x85a583), rgb(0x648a5f), rgb(0x486b45), rgb(0xe5d3ad),
	}
	const sun, nearest, path = 1, 5, 6
	img := image.NewPaletted(image.Rect(0, 0, width, height), palette)
	sunX, sunY, radius := int(h>>8%uint64(width)), height/6+int(h>>16%uint64(height/8+1)), height/12
	middle := width/3 + int(h>>24%uint64(width/3+1))
	for x := range width {
		var tops [nearest + 1]int
		for hill := 2; hill <= nearest; hill++ {
			tops[hill] = height*(hill+1)/7 - ridge(seed+uint64(hill), x, width/(8-hill)+1)*height/6/256
		}
		for y := range height {
			c := 0
			if (x-sunX)*(x-sunX)+(y-sunY)*(y-sunY) < radius*radius {
				c = sun
			}
			for hill := 2; hill <= nearest; hill++ {
				if y >= tops[hill] {
					c = hill
				}
			}
			if c == nearest {
				bend := ridge(seed+99, y, height/4+1) * (height - y) / 700
				if d := x - middle - bend; d*d < (y-tops[nearest]+3)*(y-tops[nearest]+3)/30 {
					c = path
				}
			}
			img.Pix[y*img.Stride+x] = uint8(c)
		}
	}
	return encode(img)
}

// ridge is a line of smooth ups and downs, from 0 to 255.
func ridge(seed uint64, x, length int) int {
	k, rest := x/length, x%length
	a, b := int(scramble(seed<<20+uint64(k))&255), int(scramble(seed<<20+uint64(k)+1)&255)
	// Smoothstep between the two, in whole numbers.
	t := rest * 256 / length
	t = t * t * (768 - 2*t) / (256 * 256)
	return a + (b-a)*t/256
}
