//go:build unix

package proc

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
)

// heapmage is a program that runs commands without end, as a build does.
func heapmage() {
	run, folder := os.Getenv("PROC_TEST_RUN"), os.Getenv("PROC_TEST_FOLDER")
	self, err := os.Executable()
	must(err)
	RemoveOnDeath(folder)
	for i := 0; ; i++ {
		for n, mode := range []string{"stubborn-tree", "daemonize-and-block", "hydra", "flood"} {
			p, err := Start(Command{
				Args: []string{self}, Env: append(os.Environ(), modeEnv+"="+mode),
				Output: io.Discard, ID: fmt.Sprintf("%s/%d-%d", run, i, n),
			})
			must(err)
			if i > 0 && n%2 == 0 {
				p.Kill()
			}
		}
		pid, err := Reaper()
		must(err)
		fmt.Println("reaper", pid)
		time.Sleep(50 * time.Millisecond)
		if i == 2 {
			block()
		}
	}
}

// launch starts the program and returns a pipe that ends when it and every
// descendant that keeps its descriptors have ended.
func launch(t *testing.T, mode string, env ...string) (*exec.Cmd, *bufio.Reader, *os.File) {
	t.Helper()
	alive, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := again(mode)
	c.Env = append(c.Env, env...)
	c.ExtraFiles = []*os.File{held}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = alive.Close() })
	return c, bufio.NewReader(out), alive
}

// allEnded waits until all commands of a run have ended, which hold the pipe open whose
// other end is ended.
func allEnded(t *testing.T, ended *os.File, run, when string) {
	t.Helper()
	if err := ended.SetReadDeadline(time.Now().Add(hang)); err != nil {
		t.Fatal(err)
	}
	if _, err := ended.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("%s: %v; left: %v", when, err, leftOf(t, run))
	}
}

func TestReaper(t *testing.T) {
	t.Run("leaves nothing when this process is killed at any moment", func(t *testing.T) {
		times := 20
		if testing.Short() {
			times = 6
		}
		for i := range times {
			run, folder := NewRunID(), filepath.Join(t.TempDir(), "sockets")
			if err := os.Mkdir(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			c, out, ended := launch(t, "heapmage", "PROC_TEST_RUN="+run, "PROC_TEST_FOLDER="+folder)
			pause := time.Duration(rand.Int64N(int64(300 * time.Millisecond)))
			if i%2 == 0 { // else also in the middle of its start
				if line, err := out.ReadString('\n'); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
			}
			time.Sleep(pause)
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait()
			allEnded(t, ended, run, fmt.Sprintf("killed after %v", pause))
			if left := leftOf(t, run); len(left) > 0 {
				t.Fatalf("killed after %v: left: %v", pause, left)
			}
			if _, err := os.Stat(folder); i%2 == 0 && !os.IsNotExist(err) {
				t.Errorf("killed after %v: the folder is left: %v", pause, err)
			}
		}
	})
	t.Run("does so even if it was killed itself, alone and again and again", func(t *testing.T) {
		run, folder := NewRunID(), filepath.Join(t.TempDir(), "sockets")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		c, out, ended := launch(t, "heapmage", "PROC_TEST_RUN="+run, "PROC_TEST_FOLDER="+folder)
		if line, err := out.ReadString('\n'); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var killed []int
		others := func(file, text string) ([]proctable.Process, error) {
			return processes(func(p proctable.Process, _ string) bool {
				is, _ := os.ReadFile("/proc/" + strconv.Itoa(p.PID) + "/" + file)
				return p.PPID == c.Process.Pid && !p.Zombie && !slices.Contains(killed, p.PID) && string(is) == text
			})
		}
		for range 5 {
			eventually(t, "there is a reaper", func() bool {
				is, err := others("cmdline", reaperName+"\x00")
				if err != nil || len(is) == 0 {
					return runtime.GOOS != "linux"
				}
				killed = append(killed, is[0].PID)
				return syscall.Kill(is[0].PID, syscall.SIGKILL) == nil
			})
		}
		eventually(t, "there is another reaper", func() bool {
			is, _ := others("comm", reaperName+"\n")
			return len(is) > 0 || runtime.GOOS != "linux"
		})
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		allEnded(t, ended, run, "killed after its reapers")
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			t.Errorf("the folder is left: %v", err)
		}
	})
	t.Run("is one process, in its own session, and is replaced when it dies", func(t *testing.T) {
		p := start(t, shell("sleep 100", nil))
		first, err := Reaper()
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := lookUp(first); !ok || e.Session != first || e.PPID != os.Getpid() {
			t.Errorf("%+v", e)
		}
		q := start(t, shell("sleep 100", nil))
		if again, _ := Reaper(); again != first {
			t.Errorf("%d, then %d", first, again)
		}
		if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "there is another, though nothing was sent", func() bool {
			now, err := Reaper()
			return err == nil && now != first && alive(now)
		})
		r := start(t, shell("sleep 100", nil))
		second, err := Reaper()
		if err != nil || second == first || !alive(second) {
			t.Errorf("%d, then %d: %v", first, second, err)
		}
		if e, ok := lookUp(first); ok && e.PPID == os.Getpid() {
			t.Errorf("the first is left: %+v", e)
		}
		for _, p := range []*Process{p, q, r} {
			p.Kill()
			end(t, p)
		}
	})
	t.Run("has none of our names", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("reads /proc")
		}
		p := start(t, shell("sleep 100", nil))
		pid, err := Reaper()
		if err != nil {
			t.Fatal(err)
		}
		read := func(name string) string {
			b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
			return string(b)
		}
		eventually(t, "it has come to its work", func() bool { return read("comm") == reaperName+"\n" })
		if out, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/fd/1"); out != os.DevNull {
			t.Errorf("who reads our output waits for its end: %q, %v", out, err)
		}
		if got := read("cmdline"); got != reaperName+"\x00" || strings.Contains(got, "mage") {
			t.Errorf("%q", got)
		}
		p.Kill()
		end(t, p)
	})
	t.Run("is replaced if it is stopped and its pipe is full", func(t *testing.T) {
		p := start(t, shell("sleep 100", nil))
		first, err := Reaper()
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		RemoveOnDeath("/missing/" + strings.Repeat("x", 1<<20))()
		now, err := Reaper()
		if err != nil || now == first || !alive(now) || !alive(p.PID()) {
			t.Errorf("%d, then %d: %v", first, now, err)
		}
		eventually(t, "the first has ended", func() bool { return !alive(first) })
		p.Kill()
		end(t, p)
	})
	t.Run("ignores the signals that end a build", func(t *testing.T) {
		p := start(t, shell("sleep 100", nil))
		pid, err := Reaper()
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS == "linux" {
			eventually(t, "it has come to its work", func() bool {
				b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
				return string(b) == reaperName+"\n"
			})
		}
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			if err := syscall.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
		}
		q := start(t, shell("exit 0", nil)) // one more message
		end(t, q)
		if now, _ := Reaper(); now != pid || !alive(pid) {
			t.Errorf("%d, then %d", pid, now)
		}
		p.Kill()
		end(t, p)
	})
	t.Run("ends without harm at Shutdown", func(t *testing.T) {
		s := newTranscript()
		folder := t.TempDir()
		forget := RemoveOnDeath(folder)
		end(t, start(t, program(t, "daemonize", s)))
		pid, err := Reaper()
		if err != nil {
			t.Fatal(err)
		}
		Shutdown()
		Shutdown()
		forget()
		forget()
		daemon := s.pids(t, "daemon", 1)[0]
		if _, ok := lookUp(pid); ok {
			t.Error("it is left")
		}
		if _, err := os.Stat(folder); err != nil || !alive(daemon) {
			t.Errorf("daemon alive %v, folder %v", alive(daemon), err)
		}
		endDaemon(t, daemon)
	})
	t.Run("is small", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("its memory is read from /proc")
		}
		p := start(t, shell("sleep 100", nil))
		pid, err := Reaper()
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "it has come to its work", func() bool {
			b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
			return string(b) == reaperName+"\n"
		})
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); f[0] == "RssAnon:" {
				kb, err := strconv.Atoi(f[1])
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("RssAnon %d KB", kb)
				if !raceDetector && kb > 3<<10 {
					t.Errorf("RssAnon %d KB", kb)
				}
			}
		}
		p.Kill()
		end(t, p)
	})
}
