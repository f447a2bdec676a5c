//go:build race

package main

// clusterMessages is how many messages the organization has that several processes export. The processes are not built with the race
// detector, but what compares their archives is.
const clusterMessages = 24_000
