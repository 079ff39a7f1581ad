package report

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/tally"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/memtools"
)

// TestFooterOnATerminal prints a run on a real terminal, with and without a footer.
func TestFooterOnATerminal(t *testing.T) {
	const width, height = 60, 16
	// log returns what a terminal shows in the end, and all that it showed meanwhile.
	log := func(t *testing.T, show Show, footer bool) (v *testkit.VT, seen string) {
		t.Helper()
		user, program := testkit.Terminal(t)
		defer program.Close()
		if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
			t.Fatal(err)
		}
		v = testkit.NewVT(width, height)
		var all bytes.Buffer
		var reader sync.WaitGroup
		reader.Go(func() {
			buf := make([]byte, 4096)
			for {
				n, err := user.Read(buf)
				all.Write(buf[:n])
				_, _ = v.Write(buf[:n])
				if err != nil {
					return
				}
			}
		})
		c := NewConsole(t.Context(), program, true, show)
		if footer {
			c.showState(memtools.Thresholds{}, nil, func() (int, int) {
				width, height, _ := term.GetSize(int(program.Fd()))
				return width, height
			})
		}
		sink := tally.NewSink(c)
		at := time.Unix(1000, 0)
		take := func(e event.Event) { sink.Take(event.Stamped{Time: at, Event: e}) }
		take(event.RunStarted{Target: "build", Tasks: 3})
		for n := range 3 {
			name := fmt.Sprint("p", n)
			take(started(name, "build", 100))
			out := c.Output(name, "")
			for k := range 30 {
				fmt.Fprintf(out, "\r%d %%", k)
				if k%3 == 0 {
					fmt.Fprintf(out, "\n\x1b[31mline %d\x1b[2J of %s 漢字 %s\n\t:", k, name, strings.Repeat("long ", k))
				}
				at = at.Add(300 * time.Millisecond)
				take(event.Sample{Usage: mb(float64(100 * k)), Budget: 8 * memtools.GB, Tasks: map[string]memtools.Bytes{name + "#build": mb(float64(k))}})
				c.queue.settle()
			}
			if err := out.Close(); err != nil {
				t.Error(err)
			}
			take(finished(name, "build", 100, succeeded(1, 100, "")))
		}
		take(event.RunFinished{Target: "build", Succeeded: 3})
		closed(t, c)
		_ = program.Close() // the last one: reading ends
		reader.Wait()
		_ = user.Close()
		return v, all.String()
	}
	for _, show := range []Show{Live, Labelled, Held} {
		t.Run(fmt.Sprint("leaves the log as it is without one, however output is shown: ", show), func(t *testing.T) {
			with, seen := log(t, show, true)
			if !strings.Contains(seen, "RUNNING") {
				t.Error("there was no footer")
			}
			without, _ := log(t, show, false)
			if got, want := with.All(), without.All(); got != want {
				t.Errorf("it is\n%s\nwant\n%s", got, want)
			}
			for _, u := range with.Unknown {
				t.Error(u)
			}
		})
	}
}
