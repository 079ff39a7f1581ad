// Package shape makes a process take memory in a known way: how much at most, and
// how fast. What it takes is mapped, so that Go's collector has no part in it.
package shape

import (
	"fmt"
	"strconv"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Kind is a way to take memory.
type Kind string

// The kinds.
const (
	Grow   Kind = "grow"   // takes it and keeps it
	Saw    Kind = "saw"    // takes it and gives it back, several times
	Procs  Kind = "procs"  // several processes take a part each
	Shared Kind = "shared" // several processes map the same memory
	Hidden Kind = "hidden" // a file in memory that no process maps
	File   Kind = "file"   // a mapped file on the disk, which the kernel can write back
	Node   Kind = "node"   // V8's heap: half of what is allocated is garbage
	mapped Kind = "mapped" // one of the processes of Shared
)

// Kinds are those to choose from.
var Kinds = []Kind{Grow, Saw, Procs, Shared, Hidden, File, Node}

// Shape is how much memory a process takes, and how.
type Shape struct {
	Kind Kind
	// Size is the most that is held at once, beyond what the processes need
	// themselves.
	Size memtools.Bytes
	// Rate is how fast it grows at most, in bytes a second. After a pause it does
	// not grow faster to catch up.
	Rate memtools.Bytes
	// Times is how often Saw grows, and how many processes Procs and Shared have.
	// The others ignore it.
	Times int
	// Hold is for how long the whole is kept.
	Hold time.Duration
}

const (
	goProcess   = 4 * memtools.MB
	nodeProcess = 70 * memtools.MB
)

// Peak bounds the usage of all processes together.
func (s Shape) Peak() memtools.Bytes {
	switch s.Kind {
	case Procs, Shared:
		return s.Size + memtools.Bytes(s.Times+1)*goProcess
	case File:
		return goProcess
	case Node:
		return 2*s.Size + nodeProcess + goProcess
	default:
		return s.Size + goProcess
	}
}

// Speed bounds the growth of all processes together, in bytes a second.
func (s Shape) Speed() memtools.Bytes {
	if s.Kind == Node {
		return 2 * s.Rate
	}
	return s.Rate
}

// Args are the words that Parse reads.
func (s Shape) Args() []string {
	return []string{string(s.Kind), strconv.Itoa(int(s.Size / memtools.MB)), strconv.Itoa(int(s.Rate / memtools.MB)),
		strconv.Itoa(s.Times), s.Hold.String()}
}

// Parse reads a shape: kind, size in MB, rate in MB a second, times, hold.
func Parse(args []string) (s Shape, err error) {
	if len(args) != 5 {
		return s, fmt.Errorf("a shape is KIND MB MB/s TIMES HOLD, such as grow 300 80 1 500ms, not %q", args)
	}
	var numbers [3]int
	for i := range numbers {
		if numbers[i], err = strconv.Atoi(args[i+1]); err != nil || numbers[i] < 1 {
			return s, fmt.Errorf("%q of %q is not a number above 0", args[i+1], args)
		}
	}
	s = Shape{Kind: Kind(args[0]), Size: memtools.Bytes(numbers[0]) * memtools.MB, Rate: memtools.Bytes(numbers[1]) * memtools.MB, Times: numbers[2]}
	s.Hold, err = time.ParseDuration(args[4])
	return s, err
}
