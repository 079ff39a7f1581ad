//go:build unix

package proc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/taskcgroup"
)

// init turns a process that was started as the reaper into the reaper, before
// anything of the program itself runs. In every other process it compares one
// string.
func init() {
	if len(os.Args) != 1 || os.Args[0] != reaperName || os.Getenv(environ.Reaper) == "" {
		return
	}
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	proctable.Disguise(reaperName)
	debug.FreeOSMemory()
	d := newDuties()
	d.read(os.Stdin)
	written := make(chan struct{}) // closed once the text is
	go func() {
		defer close(written)
		_, _ = os.Stdout.WriteString(d.text)
		_ = os.Stdout.Close()
	}()
	d.fulfil(30 * time.Second)
	select {
	case <-written:
	case <-time.After(time.Second): // a terminal may be stopped (Ctrl-S)
	}
	os.Exit(0)
}

// duties are what the reaper does once its parent is gone.
type duties struct {
	wards   map[int]proctable.Root
	frozen  map[int]proctable.Root // go on
	folders map[string]bool
	text    string // is written to standard output
}

func newDuties() *duties {
	return &duties{wards: map[int]proctable.Root{}, frozen: map[int]proctable.Root{}, folders: map[string]bool{}}
}

// read takes messages until the pipe ends.
func (d *duties) read(pipe io.Reader) {
	in := bufio.NewReaderSize(pipe, 1024)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return // half a line is no message
		}
		d.take(line)
	}
}

// take takes one message. It ignores what it does not understand.
func (d *duties) take(line string) {
	verb, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	switch verb {
	case "watch":
		var seq int
		var r proctable.Root
		n, err := fmt.Sscanf(rest, "%d %d %d %q", &seq, &r.Leader.PID, &r.Leader.Start, &r.Mark)
		if n == 4 && err == nil && r.Mark != "" && r.Leader.PID >= 0 {
			d.wards[seq] = r
		}
	case "thaw":
		var seq int
		var r proctable.Root
		if n, err := fmt.Sscanf(rest, "%d %d %d", &seq, &r.Leader.PID, &r.Leader.Start); n == 3 && err == nil && r.Leader.PID > 0 {
			d.frozen[seq] = r
		}
	case "forget":
		if seq, err := strconv.Atoi(rest); err == nil {
			delete(d.wards, seq)
			delete(d.frozen, seq)
		}
	case "folder":
		if path, err := strconv.Unquote(rest); err == nil && strings.HasPrefix(path, "/") {
			d.folders[path] = true
		}
	case "write":
		if text, err := strconv.Unquote(rest); err == nil {
			d.text = text
		}
	case "keep":
		if path, err := strconv.Unquote(rest); err == nil {
			delete(d.folders, path)
		}
	}
}

// quietRounds is how many rounds in a row find nothing before the reaper is done.
const quietRounds = 3

// quiet decides when the trees are gone: after some rounds in a row without a
// member, once every process that was unsure in the first of them has turned out to
// be none. Processes that are unsure only later were started by others; on a busy
// machine there is always one.
type quiet struct {
	rounds int
	open   map[proctable.Identity]bool // unsure in each of the rounds
}

// round takes what one round found and reports whether it was the last.
func (q *quiet) round(found, unsure []proctable.Process) bool {
	if len(found) > 0 {
		q.rounds = 0
		return false
	}
	q.rounds++
	still := map[proctable.Identity]bool{}
	for _, p := range unsure {
		if q.rounds == 1 || q.open[p.Identity] {
			still[p.Identity] = true
		}
	}
	q.open = still
	return q.rounds >= quietRounds && len(q.open) == 0
}

// fulfil lets frozen trees go on, ends all others and removes the folders. After some time it gives up on what
// the kernel cannot end.
func (d *duties) fulfil(patience time.Duration) {
	for _, r := range d.frozen {
		t := tree{r}
		_ = t.resume()
	}
	pause := 10 * time.Millisecond
	q := quiet{}
	for deadline := time.Now().Add(patience); len(d.wards) > 0 && time.Now().Before(deadline); {
		var found, unsure []proctable.Process
		for _, r := range d.wards {
			t := tree{r}
			members, others, _ := t.signal(proctable.Everything, unix.SIGKILL) // what survives is found again
			found, unsure = append(found, members...), append(unsure, others...)
		}
		if q.round(found, unsure) {
			break
		}
		time.Sleep(pause)
		pause = min(2*pause, 200*time.Millisecond)
	}
	for path := range d.folders {
		if !taskcgroup.Remove(path) {
			_ = os.RemoveAll(path)
		}
	}
}
