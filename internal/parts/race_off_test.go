//go:build !race

package parts_test

const messages = 24_000
