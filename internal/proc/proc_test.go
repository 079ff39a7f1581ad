//go:build unix

package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proctable"
)

func TestEnd(t *testing.T) {
	t.Run("reports exit code, times, memory, and both outputs in their order", func(t *testing.T) {
		var out bytes.Buffer
		r := end(t, start(t, shell("echo one; echo two >&2; echo three; exit 3", &out)))
		if out.String() != "one\ntwo\nthree\n" {
			t.Errorf("output %q", out.String())
		}
		if r.ExitCode != 3 || r.Signal != "" || r.Success() || r.StoppedBy != NotStopped || r.OutputErr != nil || r.Survivors != nil {
			t.Errorf("%+v", r)
		}
		if r.started.IsZero() || r.ended.Before(r.started) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("tells how much memory a command had, not how much this process had", func(t *testing.T) {
		if raceDetector {
			t.Skip("this process is larger than the command under the race detector")
		}
		own := bytes.Repeat([]byte{1}, 80<<20)
		small := end(t, start(t, shell(":", nil)))
		large := end(t, start(t, shell("head -c 300000000 /dev/zero | tail -c 250000000 >/dev/null", nil)))
		if small.MaxRSS > 60<<20 || large.MaxRSS < 250000000 || large.MaxRSS > 400<<20 {
			t.Errorf("a shell had %v, a program of 250 MB %v; this process holds %d MB", small.MaxRSS, large.MaxRSS, len(own)>>20)
		}
	})
	t.Run("reports a signal as a failure", func(t *testing.T) {
		for _, name := range []string{"KILL", "ABRT", "TERM"} {
			r := end(t, start(t, shell("kill -"+name+" $$", nil)))
			if r.Signal != "SIG"+name || r.ExitCode != -1 || r.Success() || r.StoppedBy != NotStopped {
				t.Errorf("%s: %+v", name, r)
			}
		}
	})
	t.Run("counts the processor time and memory of what the command waited for", func(t *testing.T) {
		r := end(t, start(t, program(t, "flood", nil)))
		small := end(t, start(t, shell(":", nil)))
		if r.User+r.System <= small.User+small.System {
			t.Errorf("flood took %v, nothing took %v", r.User+r.System, small.User+small.System)
		}
	})
	t.Run("ends when the command ends at once", func(t *testing.T) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 10 {
					var out bytes.Buffer
					p, err := Start(shell("echo done", &out))
					if err != nil {
						t.Error(err)
						return
					}
					if r := p.Wait(); !r.Success() || out.String() != "done\n" {
						t.Errorf("%+v %q", r, out.String())
					}
				}
			})
		}
		all.Wait()
	})
	t.Run("lets many wait", func(t *testing.T) {
		p := start(t, shell("exit 7", nil))
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if r := p.Wait(); r.ExitCode != 7 {
					t.Errorf("%+v", r)
				}
			})
		}
		all.Wait()
	})
	t.Run("gives the command a closed input, its mark, its folder and its files", func(t *testing.T) {
		dir, out := t.TempDir(), new(bytes.Buffer)
		file, err := os.Create(filepath.Join(t.TempDir(), "third"))
		if err != nil {
			t.Fatal(err)
		}
		c := shell(`read x || echo closed; echo "$HEAPMAGE_TASK $PWD"; echo three >&3`, out)
		c.ID, c.Dir, c.ExtraFiles = "run/core#build", dir, []*os.File{file}
		end(t, start(t, c))
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		third, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if want := "closed\nrun/core#build " + dir + "\n"; out.String() != want || string(third) != "three\n" {
			t.Errorf("output %q, want %q; third file %q", out, want, third)
		}
	})
	t.Run("adds its mark to that of an outer run", func(t *testing.T) {
		t.Setenv("HEAPMAGE_TASK", "outer/web#build")
		var out bytes.Buffer
		c := shell("echo $HEAPMAGE_TASK", &out)
		c.ID = "inner/core#build"
		end(t, start(t, c))
		if got := strings.TrimSpace(out.String()); proctable.MarkIndex(got, "outer/web#build") < 0 || proctable.MarkIndex(got, c.ID) < 0 {
			t.Errorf("%q", got)
		}
	})
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := write("plain", "echo", 0o644)
	lost := write("lost", "#!/no/such/interpreter\n", 0o755)
	broken := write("broken", "\x7fELF no program", 0o755)
	for _, c := range []struct {
		claim string
		c     Command
		want  []string
	}{
		{"names a command that is not on the PATH", Command{Args: []string{"no-such-cmd"}}, []string{`command "no-such-cmd" not found`}},
		{"looks on the PATH of the command, not on ours", Command{Args: []string{"sh"}, Env: []string{"PATH=" + dir}}, []string{`command "sh" not found`}},
		{"says that there is no PATH", Command{Args: []string{"sh"}, Env: []string{"A=b"}}, []string{"no PATH"}},
		{"names a path that is not there", Command{Args: []string{"./gone"}, Dir: dir}, []string{`command "./gone" not found`}},
		{"names a folder that is not there", Command{Args: []string{"sh"}, Dir: dir + "/none"}, []string{dir + "/none", "no such folder"}},
		{"names a folder that is a file", Command{Args: []string{"sh"}, Dir: plain}, []string{plain, "not a folder"}},
		{"says how to fix a file that is not executable", Command{Args: []string{plain}}, []string{plain, "chmod +x"}},
		{"does not take a file for missing when its interpreter is", Command{Args: []string{lost}}, []string{lost, "interpreter"}},
		{"names a file that is no program", Command{Args: []string{broken}}, []string{broken, "built for this system"}},
		{"says that there is nothing to run", Command{}, []string{"no command"}},
		{"names arguments that are too long", Command{Args: []string{"sh", strings.Repeat("x", 8<<20)}}, []string{`"sh"`, "too long"}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			c.c.Output = new(bytes.Buffer)
			p, err := Start(c.c)
			if err == nil {
				p.Kill()
				p.Wait()
				t.Fatal("started")
			}
			var mine *problem.Error
			if !errors.As(err, &mine) {
				t.Fatalf("%T: %v", err, err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			if strings.Count(err.Error(), "\n") > 2 || strings.Contains(err.Error(), "exec:") || strings.Contains(err.Error(), "fork") {
				t.Errorf("not for a user: %q", err)
			}
		})
	}
	t.Run("finds a program by a path from the command's folder, and on a relative PATH", func(t *testing.T) {
		write("tool", "#!/bin/sh\necho $0\n", 0o755)
		for _, c := range []Command{
			{Args: []string{"./tool"}, Dir: dir},
			{Args: []string{"tool"}, Dir: dir, Env: []string{"PATH=/nowhere:."}},
		} {
			if r := end(t, start(t, c)); !r.Success() {
				t.Errorf("%v: %+v", c, r)
			}
		}
	})
}

func TestOutput(t *testing.T) {
	t.Run("passes a flood on without holding it", func(t *testing.T) {
		var before, after runtime.MemStats
		var n counter
		runtime.ReadMemStats(&before)
		r := end(t, start(t, program(t, "flood", &n)))
		runtime.ReadMemStats(&after)
		if !r.Success() || n.bytes != flood {
			t.Errorf("%+v, %d bytes", r, n.bytes)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("allocated %d bytes for %d bytes of output", grown, flood)
		}
	})
	t.Run("goes on when the writer fails, and says so", func(t *testing.T) {
		full := errors.New("disk full")
		r := end(t, start(t, program(t, "flood", &counter{fail: full})))
		if !errors.Is(r.OutputErr, full) || !r.Success() {
			t.Errorf("%+v", r)
		}
	})
	t.Run("does not wait for a daemon that holds the pipe, and leaves it alone", func(t *testing.T) {
		s := newTranscript()
		p := start(t, program(t, "daemonize-holding", s))
		r := end(t, p)
		if !r.Success() {
			t.Errorf("%+v\n%s", r, s)
		}
		left := leftOf(t, p.tree.Mark)
		if len(left) != 1 {
			t.Fatalf("left: %v", left)
		}
		endDaemon(t, left[0])
	})
	t.Run("passes the last words on, however slow the writer is and whatever holds the pipe", func(t *testing.T) {
		slow := &counter{}
		c := program(t, "last-words-and-daemon", slow)
		started := make(chan *Process, 1)
		slow.before = sync.OnceFunc(func() {
			p := <-started
			<-p.exited
			time.Sleep(2*outputDelay + stragglerGrace) // beyond the end of reading; right before it too
		})
		p := start(t, c)
		started <- p
		if r := end(t, p); !r.Success() || slow.bytes != lastWords {
			t.Errorf("%d bytes of %d, %+v", slow.bytes, lastWords, r)
		}
		for _, pid := range leftOf(t, p.tree.Mark) {
			endDaemon(t, pid)
		}
	})
}

type counter struct {
	bytes  int
	fail   error
	before func()
}

func (c *counter) Write(b []byte) (int, error) {
	if c.before != nil {
		c.before()
	}
	if c.fail != nil {
		return 0, c.fail
	}
	c.bytes += len(b)
	return len(b), nil
}

func TestNothingIsLeft(t *testing.T) {
	t.Run("of what the command left running in its session", func(t *testing.T) {
		for _, script := range []string{
			"sleep 100 & echo ready $!",
			"sleep 100 >/dev/null 2>&1 & echo ready $!",
			"(trap '' TERM; sleep 100) >/dev/null 2>&1 & echo ready $!",
			"(sh -c 'sleep 100 & sleep 100') & echo ready $!",
		} {
			s := newTranscript()
			p := start(t, shell(script, s))
			r := end(t, p)
			pid := s.pids(t, "ready", 1)[0]
			if alive(pid) || len(leftOf(t, p.tree.Mark)) > 0 || !r.Success() || r.Survivors != nil {
				t.Errorf("%s: %d alive %v, left %v, %+v", script, pid, alive(pid), leftOf(t, p.tree.Mark), r)
			}
		}
	})
	t.Run("of a job in its own group", func(t *testing.T) {
		s := newTranscript()
		p := start(t, program(t, "job-and-end", s))
		end(t, p)
		if left := leftOf(t, p.tree.Mark); len(left) > 0 {
			t.Errorf("left: %v\n%s", left, s)
		}
	})
	t.Run("but lets what is about to end do so", func(t *testing.T) {
		var out bytes.Buffer
		end(t, start(t, shell("(trap 'echo cut short' TERM; cat /dev/null; echo last) &", &out)))
		if out.String() != "last\n" {
			t.Errorf("%q", &out)
		}
	})
	t.Run("but leaves a daemon alone", func(t *testing.T) {
		s := newTranscript()
		end(t, start(t, program(t, "daemonize", s)))
		pid := s.pids(t, "daemon", 1)[0]
		if !alive(pid) {
			t.Fatal("it was ended")
		}
		endDaemon(t, pid)
	})
}

func ExampleStart() {
	var out bytes.Buffer
	p, err := Start(Command{Args: []string{"sh", "-c", "echo built; exit 1"}, Output: &out, ID: NewRunID() + "/core#build"})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := p.Wait()
	fmt.Print(out.String())
	fmt.Println("exit code", r.ExitCode)
	// Output:
	// built
	// exit code 1
}

func BenchmarkStartToEnd(b *testing.B) {
	path, err := exec.LookPath("true")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("proc", func(b *testing.B) {
		for b.Loop() {
			p, err := Start(Command{Args: []string{path}, Output: io.Discard})
			if err != nil {
				b.Fatal(err)
			}
			p.Wait()
		}
	})
	b.Run("os-exec", func(b *testing.B) {
		for b.Loop() {
			c := exec.Command(path)
			c.Stdout = new(counter)
			if err := c.Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
