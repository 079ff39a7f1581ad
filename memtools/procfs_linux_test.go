package memtools

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/proctable"
	"golang.org/x/sys/unix"
)

// procDir is a folder that looks like /proc.
type procDir struct {
	t    *testing.T
	root string
}

// fixture is what the files of one process say.
type fixture struct {
	name             string // default: "node"
	state            string // default: "S (sleeping)"
	ppid, pgid       int
	start            uint64
	rss, anon, shmem Bytes
	swap             Bytes
	threads          int // default: 1
	environ, cmdline string
}

func newProcDir(t *testing.T) procDir {
	p := procDir{t, t.TempDir()}
	p.put(1, fixture{name: "init", start: 1})
	p.put(fakeSelf, fixture{name: "mage", ppid: 1, start: 50, rss: 30 * MB, anon: 20 * MB})
	return p
}

func (p procDir) put(pid int, f fixture) {
	p.t.Helper()
	if f.name == "" {
		f.name = "node"
	}
	if f.state == "" {
		f.state = "S (sleeping)"
	}
	f.threads = max(f.threads, 1)
	memory := fmt.Sprintf("VmPeak:\t99999999 kB\nVmRSS:\t%8d kB\nRssAnon:\t%8d kB\nRssFile:\t    1520 kB\nRssShmem:\t%8d kB\nVmSwap:\t%8d kB\n",
		f.rss/KB, f.anon/KB, f.shmem/KB, f.swap/KB)
	if f.state[0] == 'Z' {
		memory = ""
	}
	escaped := strings.ReplaceAll(f.name, "\n", `\n`)
	p.write(pid, "status", fmt.Sprintf("Name:\t%s\nUmask:\t0022\nState:\t%s\nTgid:\t%d\nPid:\t%[3]d\nPPid:\t%[4]d\nTracerPid:\t0\nNSpid:\t%[3]d\nNSpgid:\t%[5]d\t1\nNSsid:\t%[5]d\t1\n%[6]sThreads:\t%[7]d\nSigQ:\t1/96365\n",
		escaped, f.state, pid, f.ppid, f.pgid, memory, f.threads))
	p.write(pid, "stat", fmt.Sprintf("%d (%s) %c %d %d 7 0 -1 4194304 100 0 0 0 1 2 3 4 20 0 %d 0 %d 1000 200 18446744073709551615 0\n",
		pid, f.name, f.state[0], f.ppid, f.pgid, f.threads, f.start))
	p.write(pid, "environ", f.environ)
	p.write(pid, "cmdline", f.cmdline)
}

func (p procDir) write(pid int, name, text string) {
	p.t.Helper()
	path := filepath.Join(p.root, fmt.Sprint(pid), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// end takes a process away as the kernel does: kept descriptors read nothing.
// Its folder stays under another name, so that its inode number stays taken.
func (p procDir) end(pid int) {
	p.t.Helper()
	dir := filepath.Join(p.root, fmt.Sprint(pid))
	if err := os.Truncate(filepath.Join(dir, "status"), 0); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(dir, filepath.Join(p.root, fmt.Sprintf("ended-%d", pid))); err != nil {
		p.t.Fatal(err)
	}
}

func (p procDir) tracker() (*Tracker, *proctable.Table) {
	p.t.Helper()
	table, err := proctable.OpenAt(p.root)
	if err != nil {
		p.t.Fatal(err)
	}
	tracker, err := newTracker(table, fakeSelf)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { tracker.Close() })
	return tracker, table
}

func TestProcfsUsage(t *testing.T) {
	p := newProcDir(t)
	tracker, _ := p.tracker()
	p.put(10, fixture{ppid: fakeSelf, pgid: 10, start: 60, rss: 90 * MB, anon: 50 * MB, shmem: 3 * MB, swap: 2 * MB, cmdline: "node\x00/repo/node_modules/.bin/tsc\x00-b\x00"})
	p.put(11, fixture{name: "a) S 1 1 (b\n\x01", ppid: 10, pgid: 10, start: 61, rss: 40 * MB, anon: MB})
	p.put(12, fixture{state: "Z (zombie)", ppid: 10, pgid: 10, start: 62})
	p.write(13, "stat", "") // ends just now
	p.write(14, "stat", "nonsense")
	tracker.Track("a", 10)
	s, err := tracker.Sample()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("is anonymous, shared and swapped memory, not the resident set", func(t *testing.T) {
		a := s.Trees["a"]
		if a.Usage != 56*MB || s.Own != 20*MB || s.Total != 76*MB {
			t.Errorf("tree %v, own %v, total %v", a.Usage, s.Own, s.Total)
		}
		want := []Process{
			{PID: 10, Start: 60, PPID: fakeSelf, PGID: 10, Usage: 55 * MB, RSS: 90 * MB, Command: "node /repo/node_modules/.bin/tsc -b"},
			{PID: 11, Start: 61, PPID: 10, PGID: 10, Usage: MB, RSS: 40 * MB, Command: `a) S 1 1 (b\n` + "\x01"},
		}
		if !slices.Equal(a.Processes, want) {
			t.Errorf("processes\n%+v\nwant\n%+v", a.Processes, want)
		}
	})
	t.Run("follows what changes", func(t *testing.T) {
		p.put(10, fixture{name: "esbuild", ppid: 1, pgid: 10, start: 60, rss: 90 * MB, anon: 60 * MB, cmdline: "esbuild\x00--bundle\x00"})
		s, err := tracker.Sample()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Trees["a"].Processes[0]; got.Usage != 60*MB || got.PPID != 1 || got.Command != "esbuild --bundle" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("is the resident set if the kernel tells no more", func(t *testing.T) {
		p.write(10, "status", "Name:\tnode\nState:\tR (running)\nPPid:\t1\nVmRSS:\t  2048 kB\nThreads:\t3\n")
		s, err := tracker.Sample()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Trees["a"].Processes[0]; got.Usage != 2*MB || got.PGID != 10 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("is that of the other threads if only the main thread has ended", func(t *testing.T) {
		p.put(10, fixture{state: "Z (zombie)", pgid: 10, start: 60, threads: 2})
		p.write(10, "task/10/status", "Name:\tnode\nState:\tZ (zombie)\nThreads:\t2\n")
		p.write(10, "task/77/status", "Name:\tnode\nState:\tS (sleeping)\nVmRSS:\t 9000 kB\nRssAnon:\t 7168 kB\nThreads:\t2\n")
		s, err := tracker.Sample()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Trees["a"].Processes[0]; got.PID != 10 || got.Usage != 7*MB {
			t.Errorf("%+v", got)
		}
	})
}

func TestProcfsMarker(t *testing.T) {
	p := newProcDir(t)
	tracker, _ := p.tracker()
	p.put(10, fixture{ppid: 1, pgid: 10, start: 60, anon: MB, environ: "PATH=/bin\x00HEAPMAGE_TASK=run/core#build\x00HOME=/\x00"})
	p.put(11, fixture{ppid: 1, pgid: 11, start: 60, anon: MB, environ: "XHEAPMAGE_TASK=run/core#build\x00A=HEAPMAGE_TASK=run/core#build\x00"})
	p.put(12, fixture{ppid: 1, pgid: 12, start: 60, anon: MB, environ: strings.Repeat("LONG=0123456789abcdef\x00", 50_000) + "HEAPMAGE_TASK=run/core#build"})
	if err := os.Remove(filepath.Join(p.root, "11", "cmdline")); err != nil {
		t.Fatal(err)
	}
	tracker.Track("run/core#build", 0)
	if got := pids(t, tracker, "run/core#build"); !slices.Equal(got, []int{10, 12}) {
		t.Errorf("counts %v, want 10 and 12, whose environment has the marker", got)
	}
}

func TestProcfsReuse(t *testing.T) {
	for _, kept := range []int{0, 100} {
		t.Run(fmt.Sprintf("a reused number is another process with %d kept descriptors", kept), func(t *testing.T) {
			p := newProcDir(t)
			tracker, table := p.tracker()
			table.MostKept = kept
			p.put(10, fixture{ppid: fakeSelf, pgid: 10, start: 60, anon: MB})
			p.put(11, fixture{ppid: 10, pgid: 10, start: 61, anon: MB})
			p.put(12, fixture{ppid: 1, pgid: 12, start: 62, anon: MB})
			tracker.Track("a", 10)
			if got := pids(t, tracker, "a"); !slices.Equal(got, []int{10, 11}) {
				t.Fatalf("counts %v", got)
			}
			p.end(11)
			p.put(11, fixture{ppid: 1, pgid: 11, start: 70, anon: 500 * MB})
			p.end(12)
			p.put(12, fixture{ppid: 10, pgid: 10, start: 71, anon: MB})
			if got := pids(t, tracker, "a"); !slices.Equal(got, []int{10, 12}) {
				t.Errorf("counts %v, want 10 and its new child 12", got)
			}
		})
	}
	t.Run("a new inode alone is no other process", func(t *testing.T) {
		p := newProcDir(t)
		tracker, _ := p.tracker()
		p.put(10, fixture{ppid: fakeSelf, pgid: 10, start: 60, anon: MB, environ: "HEAPMAGE_TASK=a\x00"})
		pids(t, tracker, "a")
		p.end(10)
		p.put(10, fixture{ppid: fakeSelf, pgid: 10, start: 60, anon: MB}) // no marker, if it were read again
		pids(t, tracker, "a")
		tracker.Track("a", 0)
		if got := pids(t, tracker, "a"); !slices.Equal(got, []int{10}) {
			t.Errorf("counts %v, want 10, whose marker is known", got)
		}
	})
}

// openFiles counts this process's descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestProcfsDescriptors(t *testing.T) {
	p := newProcDir(t)
	for pid := 10; pid < 60; pid++ {
		p.put(pid, fixture{ppid: fakeSelf, pgid: 10, start: 60, anon: MB})
	}
	before := openFiles(t)
	tracker, _ := p.tracker()
	tracker.Track("a", 10)
	usage := func(want Bytes) {
		t.Helper()
		s, err := tracker.Sample()
		if err != nil {
			t.Fatal(err)
		}
		if s.Trees["a"].Usage != want {
			t.Fatalf("usage %v, want %v", s.Trees["a"].Usage, want)
		}
	}
	t.Run("keeps one for each tracked process, and the table's", func(t *testing.T) {
		usage(50 * MB)
		usage(50 * MB)
		if n := openFiles(t) - before; n != 52 {
			t.Errorf("%d more descriptors", n)
		}
	})
	t.Run("closes those of ended processes", func(t *testing.T) {
		for pid := 50; pid < 60; pid++ {
			p.end(pid)
		}
		usage(40 * MB)
		if n := openFiles(t) - before; n != 42 {
			t.Errorf("%d more descriptors", n)
		}
	})
	t.Run("does without if they run out", func(t *testing.T) {
		var old unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
		p.put(60, fixture{ppid: 10, pgid: 10, start: 60, anon: MB})
		short := old
		short.Cur = 3 // less than are open already: no more can be had
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &short); err != nil {
			t.Fatal(err)
		}
		_, err := tracker.Sample()
		// As many as there are now but one: enough once kept ones are given back.
		short.Cur = uint64(before + 4)
		err2 := unix.Setrlimit(unix.RLIMIT_NOFILE, &short)
		s, err3 := tracker.Sample()
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(err, proctable.ErrNoFiles) {
			t.Errorf("with none to be had: %v", err)
		}
		if err2 != nil || err3 != nil || s.Trees["a"].Usage != 41*MB {
			t.Errorf("with few to be had: usage %v, %v, %v", s.Trees["a"].Usage, err2, err3)
		}
	})
	t.Run("closes all in the end", func(t *testing.T) {
		if err := tracker.Close(); err != nil {
			t.Fatal(err)
		}
		if err := tracker.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
		if _, err := tracker.Sample(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a sample after Close: %v", err)
		}
		tracker.Track("b", 10)
		tracker.Untrack("b")
		if n := openFiles(t); n != before {
			t.Errorf("%d descriptors, %d before", n, before)
		}
	})
}

func TestProcfsErrors(t *testing.T) {
	t.Run("a folder without processes is no process table", func(t *testing.T) {
		table, err := proctable.OpenAt(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newTracker(table, fakeSelf); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a missing folder is an error that names it", func(t *testing.T) {
		if _, err := proctable.OpenAt("/no/such/folder"); err == nil || !strings.Contains(err.Error(), "/no/such/folder") {
			t.Errorf("%v", err)
		}
	})
}
