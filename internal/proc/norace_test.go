//go:build unix && !race

package proc

// raceDetector says that memory is not worth measuring.
const raceDetector = false
