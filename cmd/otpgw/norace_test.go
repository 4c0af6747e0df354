//go:build !race

package main

// raceFactor is how much more memory a daemon takes that is built with the race detector.
const raceFactor = 1
