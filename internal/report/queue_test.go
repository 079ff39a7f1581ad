package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/tally"
)

// gate is a writer that takes nothing until it is opened.
type gate struct {
	opened chan struct{}
	once   sync.Once
	bytes.Buffer
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

func (g *gate) Write(p []byte) (int, error) {
	<-g.opened
	return g.Buffer.Write(p)
}

// script is the output of one task: what it writes goes to its log, then to the console.
type script struct {
	t   *testing.T
	log *os.File
	out io.WriteCloser
}

func scriptOf(t *testing.T, c *Console, label string) *script {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), label))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return &script{t, log, c.Output(label, log.Name())}
}

func (s *script) write(text string) {
	s.t.Helper()
	for _, to := range []io.Writer{s.log, s.out} {
		if _, err := io.WriteString(to, text); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *script) end() {
	if err := s.out.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func take(c *Console, e event.Event) { c.Take(event.Stamped{Event: e}, &tally.State{}) }

// waiting is what waits in the console's queue: the bytes of its texts, and its pieces.
func waiting(c *Console) (size, pieces int) {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	return c.queue.size, len(c.queue.pieces)
}

func TestAConsoleThatNobodyReads(t *testing.T) {
	t.Run("takes everything at once, in little memory, and prints it all in order", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			c := NewConsole(t.Context(), g, false, Live)
			core := scriptOf(t, c, "core")
			var want strings.Builder
			for n := range 3 {
				take(c, event.Notice{Kind: event.Retrying, Text: fmt.Sprint("before ", n)})
				fmt.Fprintf(&want, "🔁 before %d\n", n)
				for range 8 {
					text := strings.Repeat(fmt.Sprintln("line", n), 1<<17)
					core.write(text)
					want.WriteString(text)
				}
			}
			core.write("no end")
			core.end()
			take(c, event.Notice{Kind: event.Retrying, Text: "after"})
			want.WriteString("no end\n🔁 after\n")
			if size, pieces := waiting(c); size > mostHeld+mostTogether || pieces > 20 {
				t.Errorf("%d bytes in %d pieces wait", size, pieces)
			}
			synctest.Wait()
			g.open()
			closed(t, c)
			if g.String() != want.String() {
				t.Errorf("%d bytes were printed, want %d", g.Len(), want.Len())
			}
		})
	})
	t.Run("prints whole lines of tasks side by side, each task's in order and before its end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			c := NewConsole(t.Context(), g, false, Labelled)
			tasks := []*script{scriptOf(t, c, "a"), scriptOf(t, c, "b"), scriptOf(t, c, "c")}
			const lines = 6_000
			for n := range lines {
				for i, s := range tasks {
					text := fmt.Sprintf("%d %s\n", n, strings.Repeat("x", 20+i))
					s.write(text[:7])
					s.write(text[7:])
				}
			}
			tasks[0].write(strings.Repeat("y", longestLine+1)) // is printed as two lines
			for i, s := range tasks {
				s.end()
				take(c, event.TaskFinished{Task: task(string(rune('a'+i)), "build"), Status: event.Succeeded})
			}
			if size, pieces := waiting(c); size > mostHeld+mostTogether || pieces > mostPieces+10 {
				t.Errorf("%d bytes in %d pieces wait", size, pieces)
			}
			g.open()
			closed(t, c)
			next, ended := map[string]int{}, map[string]bool{}
			for line := range strings.Lines(g.String()) {
				label, rest, output := strings.Cut(line, ": ")
				if _, name, ok := strings.Cut(line, "✅ Building package: "); ok {
					ended[name[:1]] = true
				} else if n, text, ok := strings.Cut(rest, " "); output && ok {
					if n != fmt.Sprint(next[label]) || ended[label] || text != strings.Repeat("x", 20+int(label[0]-'a'))+"\n" {
						t.Fatalf("%q after line %d", line, next[label])
					}
					next[label]++
				}
			}
			if next["a"] != lines || next["b"] != lines || next["c"] != lines || len(ended) != 3 {
				t.Errorf("%v %v", next, ended)
			}
			if long := "a: " + strings.Repeat("y", longestLine) + "\na: y\n"; !strings.Contains(g.String(), long) {
				t.Error("the long line is not printed as two")
			}
		})
	})
	t.Run("leaves out lines about passing states, and tells how many", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			c := NewConsole(t.Context(), g, false, Held)
			take(c, event.RunStarted{Target: "build"})
			synctest.Wait() // it is being written
			for range 100_000 {
				take(c, memory(event.AtTick, 1))
			}
			take(c, event.Notice{Kind: event.Retrying, Text: "of a task"})
			if size, _ := waiting(c); size > mostWaiting+1000 {
				t.Errorf("%d bytes wait", size)
			}
			printed := func() int { return strings.Count(g.String(), "💾 Memory: 1.00MB") }
			g.open()
			synctest.Wait()
			take(c, memory(event.AtTick, 2))
			closed(t, c)
			want := fmt.Sprintf("🔁 of a task\nℹ️  %d lines about memory left out: the output was not read\n💾 Memory: 2.00MB / 8192.00MB (0%%)\n", 100_000-printed())
			if !strings.HasSuffix(g.String(), want) {
				t.Errorf("it ends %q, want %q", g.String()[g.Len()-200:], want)
			}
		})
	})
	t.Run("is waited for until the run is to end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			ctx, cancel := context.WithCancel(t.Context())
			c := NewConsole(ctx, g, false, Held)
			take(c, event.RunStarted{Target: "build"})
			began := time.Now()
			time.AfterFunc(time.Hour, cancel)
			if err := c.Close(); !errors.Is(err, errUnread) {
				t.Error(err)
			}
			if waited := time.Since(began); waited < time.Hour || waited > time.Hour+3*time.Second {
				t.Errorf("it waited %v", waited)
			}
			g.open()
		})
	})
	t.Run("still prints what a run has to say that was interrupted", func(t *testing.T) {
		var b strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		c := NewConsole(ctx, &b, false, Held)
		cancel()
		take(c, event.RunFinished{Target: "build", ExitCode: 130})
		closed(t, c)
		if !strings.Contains(b.String(), "❌ Build failed!") {
			t.Error(b.String())
		}
	})
	t.Run("holds up a program without a log, as a pipe does, until the run is to end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			ctx, cancel := context.WithCancel(t.Context())
			c := NewConsole(ctx, g, false, Live)
			out := c.Output("command", "")
			written := 0
			var program sync.WaitGroup
			program.Go(func() {
				for range 1000 {
					n, err := out.Write(make([]byte, 64<<10))
					if err != nil {
						t.Error(err)
					}
					written += n
				}
			})
			synctest.Wait()
			if size, _ := waiting(c); size > 2*mostHeld || written > 4*mostHeld {
				t.Errorf("%d bytes were written, %d wait", written, size)
			}
			take(c, event.Notice{Kind: event.Retrying, Text: "control goes on"})
			cancel()
			program.Wait()
			g.open()
			closed(t, c)
		})
	})
}

func TestAConsoleWhoseReaderIsGone(t *testing.T) {
	for _, tt := range []struct {
		claim     string
		err, want error
	}{
		{"which is no error", fmt.Errorf("write: %w", syscall.EPIPE), nil},
		{"for want of room, which is one", syscall.ENOSPC, syscall.ENOSPC},
		{"because the terminal is gone", syscall.EIO, syscall.EIO},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c := NewConsole(t.Context(), refusing{tt.err}, false, Live)
			core := scriptOf(t, c, "core")
			for range 100 {
				take(c, event.RunStarted{Target: "build"})
				core.write(strings.Repeat("x", 10_000))
			}
			core.end()
			if err := c.Close(); !errors.Is(err, tt.want) {
				t.Error(err)
			}
			if size, pieces := waiting(c); size != 0 || pieces != 0 {
				t.Errorf("%d bytes in %d pieces are kept", size, pieces)
			}
		})
	}
}

type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

// TestALogThatIsGone: a script may remove or empty the log that its output waits in.
func TestALogThatIsGone(t *testing.T) {
	for claim, spoil := range map[string]func(path string) error{
		"removed": os.Remove, "emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(claim, func(t *testing.T) {
			g := newGate()
			c := NewConsole(t.Context(), g, false, Live)
			core := scriptOf(t, c, "core")
			for range 3 { // the first two are held in memory, or being written
				core.write(strings.Repeat(strings.Repeat("x", 99)+"\n", 2000))
			}
			core.write(strings.Repeat("y", mostHeld))
			if err := spoil(core.log.Name()); err != nil {
				t.Fatal(err)
			}
			take(c, event.Notice{Kind: event.Retrying, Text: "after"})
			g.open()
			closed(t, c)
			if got := g.String(); !strings.Contains(got, "of output cannot be read back from "+core.log.Name()+"\n") || !strings.HasSuffix(got, "\n🔁 after\n") {
				t.Errorf("it ends %q", got[len(got)-200:])
			}
		})
	}
}

// gapped is a log from which a full disk kept a part.
type gapped struct{ rundir.Source }

func (gapped) Whole() bool { return false }

// TestALogWithAGap: the bytes at an offset of it are not those that were written there.
func TestALogWithAGap(t *testing.T) {
	g := newGate()
	c := NewConsole(t.Context(), g, false, Labelled)
	c.OpenLog = func(path string) (rundir.Source, error) {
		log, err := openLog(path)
		return gapped{log}, err
	}
	core := scriptOf(t, c, "core")
	for range 4 {
		core.write(strings.Repeat("x", mostHeld/2) + "\n")
	}
	core.end()
	g.open()
	closed(t, c)
	if got := g.String(); !strings.Contains(got, "MB of output cannot be read back from "+core.log.Name()) {
		t.Errorf("it ends %q", got[max(0, len(got)-200):])
	}
}

// TestManyHeldOutputs: the ends of logs are read when their turn comes.
func TestManyHeldOutputs(t *testing.T) {
	g := newGate()
	c := NewConsole(t.Context(), g, false, Held)
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, bytes.Repeat([]byte("0123456789abcde\n"), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		take(c, event.TaskFinished{Task: task("core", "build"), Status: event.Succeeded, Log: log})
	}
	if size, _ := waiting(c); size > mostHeld+1000*200 {
		t.Errorf("%d bytes wait", size)
	}
	g.open()
	closed(t, c)
	if n := strings.Count(g.String(), "0123456789abcde\n"); n != 1000*4096 {
		t.Errorf("%d lines", n)
	}
}
