//go:build !race

package main

// clusterMessages is how many messages the organization has that several processes export.
const clusterMessages = 48_000
