package memtools

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The helpers hold memory until their input ends; what they start gets the same
// input, so that nothing outlives the test. Each says "PID ready" once it holds
// what it should.
func init() {
	helpers["hold"] = func() { hold(64 * MB) }
	helpers["small"] = func() { hold(0) }
	helpers["family"] = func() { // a child that holds memory
		start("hold", nil)
		hold(0)
	}
	helpers["daemon"] = func() { // a grandchild in a session of its own, without a parent
		_ = start("daemon-2", &syscall.SysProcAttr{Setsid: true}).Wait()
		hold(0)
	}
	helpers["daemon-2"] = func() { start("hold", &syscall.SysProcAttr{Setsid: true}) }
	helpers["orphan"] = func() { start("hold", nil) } // a child in its group; ends at once
	helpers["zombie"] = func() {
		cmd := start("small-and-done", nil)
		_, _ = syscall.Wait4(cmd.Process.Pid, nil, syscall.WNOHANG, nil)
		hold(0)
	}
	helpers["small-and-done"] = func() {}
	helpers["without-main-thread"] = func() {
		go hold(32 * MB)
		_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
	}
	if os.Getenv(helperEnv) == "without-main-thread" {
		runtime.LockOSThread() // init and main run on the main thread
	}
}

func hold(size Bytes) {
	held := touched(size)
	fmt.Println(os.Getpid(), "ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(held)
	os.Exit(0)
}

// start starts a helper below a helper.
func start(name string, attr *syscall.SysProcAttr) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdin, os.Stdout, os.Stderr, attr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return cmd
}

// child is a helper that a test started, and all below it.
type child struct {
	t     testing.TB
	cmd   *exec.Cmd
	input io.Closer
	lines *bufio.Scanner
	pid   int
}

// begin starts a helper as the leader of a group, marked as marker where that is
// not empty. It ends with the test.
func begin(t testing.TB, name, marker string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+name)
	if marker != "" {
		cmd.Env = append(cmd.Env, Marker(marker))
	}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t, cmd, input, bufio.NewScanner(output), cmd.Process.Pid}
	t.Cleanup(func() {
		c.input.Close()
		for c.lines.Scan() { // until all below have ended, too
		}
		_ = cmd.Wait()
	})
	return c
}

// ready waits until a helper says that it is, and returns its PID.
func (c *child) ready() int {
	c.t.Helper()
	if !c.lines.Scan() {
		c.t.Fatalf("the helper ended: %v", c.lines.Err())
	}
	pid, err := strconv.Atoi(strings.TrimSuffix(c.lines.Text(), " ready"))
	if err != nil {
		c.t.Fatal(err)
	}
	return pid
}

// other waits until two helpers are ready, and returns the PID of the one that
// is not the first.
func (c *child) other() int {
	c.t.Helper()
	a, b := c.ready(), c.ready()
	if a == c.pid {
		return b
	}
	return a
}

// eventually waits until something comes true that the kernel does in its own time.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for range 2000 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("not within 10 s: " + what)
}

func tracking(t testing.TB) *Tracker {
	t.Helper()
	tracker, err := NewTracker()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tracker.Close() })
	return tracker
}

func sample(t testing.TB, tracker *Tracker) Sample {
	t.Helper()
	s, err := tracker.Sample()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTrackerRealProcesses(t *testing.T) {
	id := func(t *testing.T) string { return fmt.Sprintf("%s-%d", t.Name(), os.Getpid()) }

	t.Run("measures what a child holds", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "hold", "")
		c.ready()
		tracker.Track(id(t), c.pid)
		s := sample(t, tracker)
		tree := s.Trees[id(t)]
		if tree.Usage < 64*MB || tree.Usage > 160*MB {
			t.Errorf("64 MB and a Go runtime are measured as %v", tree.Usage)
		}
		if p := tree.Processes[0]; p.RSS <= p.Usage || p.PID != c.pid || p.PPID != os.Getpid() || p.PGID != c.pid || !strings.Contains(p.Command, "memtools") {
			t.Errorf("%+v: the resident set has the binary's pages as well", p)
		}
		if s.Own < MB || s.Total != s.Own+tree.Usage {
			t.Errorf("own %v, total %v", s.Own, s.Total)
		}
	})
	t.Run("measures this process's own usage", func(t *testing.T) {
		tracker := tracking(t)
		before := sample(t, tracker).Own
		held := touched(64 * MB)
		if grown := sample(t, tracker).Own - before; grown < 60*MB || grown > 100*MB {
			t.Errorf("64 MB more are measured as %v", grown)
		}
		runtime.KeepAlive(held)
	})
	t.Run("counts descendants, and keeps the peak when they end", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "family", "")
		tracker.Track(id(t), c.pid)
		other := c.other()
		if tree := sample(t, tracker).Trees[id(t)]; len(tree.Processes) != 2 || tree.Usage < 64*MB {
			t.Errorf("%+v", tree)
		}
		c.input.Close()
		if err := c.cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the child ends", func() bool { return !Identity{PID: other}.Alive() })
		tree := sample(t, tracker).Trees[id(t)]
		if tree.Usage != 0 || tree.Peak < 64*MB || len(tree.Processes) != 0 {
			t.Errorf("after the end: %+v", tree)
		}
	})
	t.Run("finds a daemon that left its parents and its session by the marker", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "daemon", id(t))
		daemon := c.other()
		tracker.Track(id(t), c.pid) // first seen when its parent is gone
		tree := sample(t, tracker).Trees[id(t)]
		at := slices.IndexFunc(tree.Processes, func(p Process) bool { return p.PID == daemon })
		if at < 0 || tree.Processes[at].PPID == c.pid || tree.Processes[at].PGID == c.pid || tree.Usage < 64*MB {
			t.Errorf("daemon %d of %d: %+v", daemon, c.pid, tree)
		}
	})
	t.Run("keeps a process of the group whose parent ended before it was seen", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "orphan", "")
		tracker.Track(id(t), c.pid)
		orphan := c.ready()
		if _, err := c.cmd.Process.Wait(); err != nil {
			t.Fatal(err)
		}
		tree := sample(t, tracker).Trees[id(t)]
		if len(tree.Processes) != 1 || tree.Processes[0].PID != orphan || tree.Usage < 64*MB {
			t.Errorf("orphan %d: %+v", orphan, tree)
		}
	})
	t.Run("leaves zombies out", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "zombie", "")
		tracker.Track(id(t), c.pid)
		c.ready()
		eventually(t, "the child becomes a zombie", func() bool { return zombies(t, c.pid) == 1 })
		if tree := sample(t, tracker).Trees[id(t)]; len(tree.Processes) != 1 {
			t.Errorf("%+v", tree)
		}
		if m, err := Members(Identity{PID: c.pid}, ""); err != nil || len(m) != 1 {
			t.Errorf("members %v, %v", m, err)
		}
	})
	t.Run("measures a process whose main thread has ended alone", func(t *testing.T) {
		tracker := tracking(t)
		c := begin(t, "without-main-thread", "")
		c.ready()
		tracker.Track(id(t), c.pid)
		if tree := sample(t, tracker).Trees[id(t)]; tree.Usage < 32*MB || len(tree.Processes) != 1 {
			t.Errorf("%+v", tree)
		}
		if me := (Identity{PID: c.pid}); !me.Alive() {
			t.Error("it counts as ended")
		}
	})
	t.Run("counts a launcher alone", func(t *testing.T) {
		tracker := tracking(t)
		tracker.TrackOne("launcher", os.Getppid())
		tree := sample(t, tracker).Trees["launcher"]
		if len(tree.Processes) != 1 || tree.Processes[0].PID != os.Getppid() || tree.Usage <= 0 {
			t.Errorf("%+v", tree)
		}
	})
}

// zombies counts the zombie children of pid.
func zombies(t *testing.T, pid int) int {
	t.Helper()
	p, err := openProcfs("/proc")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	all, err := p.list(nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, l := range all {
		if e := (&entry{pid: l.pid}); p.identify(e) == nil && e.ppid == pid && e.zombie {
			n++
		}
	}
	return n
}

func TestMembersRealProcesses(t *testing.T) {
	marker := fmt.Sprintf("%s-%d", t.Name(), os.Getpid())
	c := begin(t, "daemon", marker)
	daemon := c.other()
	root, err := Identify(c.pid)
	if err != nil {
		t.Fatal(err)
	}
	members, err := Members(root, marker)
	if err != nil {
		t.Fatal(err)
	}
	if len(members) != 2 || !slices.Contains(members, root) || !slices.ContainsFunc(members, func(m Identity) bool { return m.PID == daemon }) {
		t.Errorf("root %v: members %v, want it and its daemon %d", root, members, daemon)
	}
	for _, m := range members {
		if !m.Alive() {
			t.Errorf("%v is listed but not alive", m)
		}
		other := Identity{PID: m.PID, Start: m.Start + 1}
		if err := other.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) || other.Alive() {
			t.Errorf("another process of the same number was signalled: %v", err)
		}
	}
	for _, m := range members {
		if err := m.Signal(syscall.SIGKILL); err != nil {
			t.Errorf("kill %v: %v", m, err)
		}
	}
	_ = c.cmd.Wait()
	eventually(t, "the daemon ends", func() bool { return !Identity{PID: daemon}.Alive() })
	if members, err := Members(root, marker); err != nil || len(members) > 0 {
		t.Errorf("after the kill: %v, %v", members, err)
	}
	if err := root.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal to an ended process: %v", err)
	}
	if err := (Identity{PID: -1}).Signal(syscall.SIGCONT); err == nil {
		t.Error("-1 stands for all processes and must not be signalled")
	}
}

// BenchmarkTrackerSample50 samples 50 trees of one process. At one sample each
// 250 ms, half a percent of a core is 1.25 ms.
func BenchmarkTrackerSample50(b *testing.B) {
	tracker := tracking(b)
	for n := range 50 {
		c := begin(b, "small", "")
		c.ready()
		tracker.Track(fmt.Sprint("task", n), c.pid)
	}
	all, err := tracker.table.list(nil)
	if err != nil {
		b.Fatal(err)
	}
	sample(b, tracker)
	before := cpuTime(b)
	b.ReportAllocs()
	for b.Loop() {
		if s := sample(b, tracker); len(s.Trees) != 50 {
			b.Fatal(len(s.Trees))
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(len(all)), "processes")
}

// cpuTime is the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkMembers is one look for killing.
func BenchmarkMembers(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Members(Identity{PID: 1}, "none"); err != nil {
			b.Fatal(err)
		}
	}
}
