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

// The helper is done when it found nothing this often in a row: a process that
// is being started shows no environment for an instant.
const quietRounds = 3

// fulfil ends all trees and removes the folders. It gives up after half a
// minute on what the kernel cannot end.
func (d *duties) fulfil() {
	pause := 10 * time.Millisecond
	for deadline, quiet := time.Now().Add(30*time.Second), 0; quiet < quietRounds && len(d.wards) > 0 && time.Now().Before(deadline); {
		quiet++
		for _, r := range d.wards {
			t := tree{r}
			if t.kill(everything) > 0 {
				quiet = 0
			}
		}
		time.Sleep(pause)
		pause = min(2*pause, 200*time.Millisecond)
	}
	for path := range d.folders {
		_ = os.RemoveAll(path)
	}
}
