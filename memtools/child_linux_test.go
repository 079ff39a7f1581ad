package memtools

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The helpers hold memory until their input ends. What they start gets the same input,
// so that nothing outlives the test. Each prints "PID ready" once it holds its memory.
func init() {
	helpers["hold"] = func() { hold(64 * MB) }
	helpers["small"] = func() { hold(0) }
	helpers["family"] = func() { // a child that holds memory
		start("hold", nil)
		hold(0)
	}
	helpers["daemon"] = func() { // a grandchild in its own session, without a parent
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

// begin starts a helper as the leader of a group, marked with marker unless that is
// empty. It ends with the test.
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

// ready waits until a helper is ready, and returns its PID.
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

// other waits until two helpers are ready, and returns the PID of the second.
func (c *child) other() int {
	c.t.Helper()
	a, b := c.ready(), c.ready()
	if a == c.pid {
		return b
	}
	return a
}

// eventually waits for something that the kernel does at some later time.
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
