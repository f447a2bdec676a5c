//go:build race

package parts_test

const messages = 9_000
