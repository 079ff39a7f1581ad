//go:build unix

package proc

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/memtools"
)

// init turns a process that was started as the helper into the helper, before
// anything of the program itself has run. In every other process it compares
// one string.
func init() {
	if len(os.Args) != 1 || os.Args[0] != reaperName || os.Getenv(reaperEnv) == "" {
		return
	}
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	// "exe" says nothing in a process list.
	_ = os.WriteFile("/proc/self/comm", []byte(reaperName), 0)
	debug.FreeOSMemory()
	d := newDuties()
	if !d.read(os.Stdin) {
		d.fulfil()
	}
	os.Exit(0)
}

// duties are what the helper does when its parent is gone.
type duties struct {
	wards   map[int]root
	folders map[string]bool
}

func newDuties() *duties { return &duties{wards: map[int]root{}, folders: map[string]bool{}} }

// read takes messages until the pipe ends, and reports whether the parent said
// goodbye.
func (d *duties) read(pipe io.Reader) (bye bool) {
	in := bufio.NewReaderSize(pipe, 1024)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false // half a line is no message
		}
		if line == "bye\n" {
			return true
		}
		d.take(line)
	}
}

// take notes one message. One that it does not understand changes nothing.
func (d *duties) take(line string) {
	verb, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	switch verb {
	case "watch":
		var seq int
		var r root
		if n, err := fmt.Sscanf(rest, "%d %d %d %q", &seq, &r.leader, &r.start, &r.id); n == 4 && err == nil && r.id != "" && r.leader >= 0 {
			d.wards[seq] = r
		}
	case "forget":
		if seq, err := strconv.Atoi(rest); err == nil {
			delete(d.wards, seq)
		}
	case "folder":
		if path, err := strconv.Unquote(rest); err == nil && strings.HasPrefix(path, "/") {
			d.folders[path] = true
		}
	case "keep":
		if path, err := strconv.Unquote(rest); err == nil {
			delete(d.folders, path)
		}
	}
}

// quietRounds is how often in a row the helper finds nothing before it is done.
const quietRounds = 3

// quiet tells when nothing more can come of the trees: after some rounds in which
// no member was found, once it is clear of all that were in the middle of an exec
// or of their end in the first of those rounds that they are none. What gets there
// later was started by somebody else; on a busy machine there is always one.
type quiet struct {
	rounds int
	open   map[memtools.Identity]bool // unsure in each of the rounds
}

// round notes what one round found, and reports whether it was the last.
func (q *quiet) round(found, unsure []entry) bool {
	if len(found) > 0 {
		q.rounds = 0
		return false
	}
	q.rounds++
	still := map[memtools.Identity]bool{}
	for _, e := range unsure {
		id := memtools.Identity{PID: e.pid, Start: e.start}
		still[id] = q.rounds == 1 || q.open[id]
	}
	maps.DeleteFunc(still, func(_ memtools.Identity, open bool) bool { return !open })
	q.open = still
	return q.rounds >= quietRounds && len(q.open) == 0
}

// fulfil ends all trees and removes the folders. It gives up after half a
// minute on what the kernel cannot end.
func (d *duties) fulfil() {
	pause := 10 * time.Millisecond
	q := quiet{}
	for deadline := time.Now().Add(30 * time.Second); len(d.wards) > 0 && time.Now().Before(deadline); {
		var found, unsure []entry
		for _, r := range d.wards {
			t := tree{r}
			members, others, _ := t.signal(everything, unix.SIGKILL) // what it could not kill is found again
			found, unsure = append(found, members...), append(unsure, others...)
		}
		if q.round(found, unsure) {
			break
		}
		time.Sleep(pause)
		pause = min(2*pause, 200*time.Millisecond)
	}
	for path := range d.folders {
		_ = os.RemoveAll(path)
	}
}
