//go:build unix

package v8heap

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/memtools"
)

func TestMain(m *testing.M) {
	_ = os.Unsetenv(memtools.MarkerEnv) // of a heapmage that runs these tests
	goleak.VerifyTestMain(m)
}

func listen(t *testing.T) *Server {
	t.Helper()
	s, err := Listen("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.Dir()); err == nil {
			t.Errorf("%s is still there", s.Dir())
		}
	})
	return s
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// busy holds 64 MB and drops 64 MB, says so by a file "ready", and then stays in
// one synchronous call until a file "stop" is there.
const busy = `

const fs = require('fs');
let kept = [], dropped = [];
for (let i = 0; i < 64; i++) { kept.push(new Array(131072).fill(1.5)); dropped.push(new Array(131072).fill(2.5)); }
dropped = null;
fs.writeFileSync('ready', '');
while (!fs.existsSync('stop')) {}
console.log(kept.length, typeof gc);
`

func TestCollectInsideASynchronousCall(t *testing.T) {
	eachNode(t, func(t *testing.T, node string) {
		s := listen(t)
		c := command(s, node, "-e", busy)
		c.Dir = t.TempDir()
		var out strings.Builder
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		p := s.Processes()[0]
		if p.PID != c.Process.Pid || p.Task != "run/core#build" || p.Node == "" {
			t.Errorf("the process says of itself %+v", p)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		waitFor(t, "the program to be busy", func() bool { _, err := os.Stat(filepath.Join(c.Dir, "ready")); return err == nil })
		if h, err := s.Stats(ctx, p.PID); err != nil || h.Used < 125*memtools.MB || h.RSS < h.Used {
			t.Errorf("before: %+v, %v", h, err)
		}
		if p := s.Processes()[0]; p.Limit < 256*memtools.MB {
			t.Errorf("a heap limit of %v", p.Limit)
		}
		got, err := s.Collect(ctx, p.PID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Freed() < 50*memtools.MB || got.After.Used < 60*memtools.MB {
			t.Errorf("from %v to %v", got.Before.Used, got.After.Used)
		}
		if !strings.HasPrefix(p.Node, "20.") && got.Returned() < 30*memtools.MB {
			t.Errorf("resident memory only fell from %v to %v", got.Before.RSS, got.After.RSS)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, "stop"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if out.String() != "64 undefined\n" {
			t.Errorf("the program wrote %q", out.String())
		}
		waitFor(t, "the agent to go", func() bool { return len(s.Processes()) == 0 })
		if _, err := s.Stats(ctx, p.PID); err != ErrNoAgent {
			t.Errorf("after its end: %v", err)
		}
	})
}

// loading is inside the load of a module that the agent uses, unless that is there already, until
// a file "stop" is there.
const loading = `
const fs = require('fs');
const wait = () => { fs.writeFileSync('ready', ''); while (!fs.existsSync('stop')); };
Object.defineProperty(Object.prototype, '_getDataCloneError', { set: wait }); // node:v8 assigns it
const v8 = require('v8');
wait();
console.log(typeof v8.getHeapStatistics);
`

func TestCollectWhileTheProgramLoadsModules(t *testing.T) {
	eachNode(t, func(t *testing.T, node string) {
		s := listen(t)
		c := command(s, node, "-e", loading)
		c.Dir = t.TempDir()
		var out strings.Builder
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		waitFor(t, "the program", func() bool { _, err := os.Stat(filepath.Join(c.Dir, "ready")); return err == nil })
		if _, err := s.Collect(t.Context(), c.Process.Pid); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, "stop"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil || out.String() != "function\n" {
			t.Errorf("%v, %q", err, out.String())
		}
	})
}

func TestNothingHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes; left out with -short")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		unlessCI(t, err.Error())
	}
	t.Run("when the child is killed while it is asked", func(t *testing.T) {
		s := listen(t)
		c := command(s, node, "-e", "for (;;) {}")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			time.Sleep(20 * time.Millisecond)
			_ = c.Process.Kill()
			_ = c.Wait()
		}()
		for {
			if _, err := s.Collect(t.Context(), c.Process.Pid); err != nil {
				break
			}
		}
		<-killed
	})
	t.Run("when the child is stopped", func(t *testing.T) {
		s := listen(t)
		c := command(s, node, "-e", "for (;;) {}")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Wait() }()
		defer func() { _ = c.Process.Kill() }()
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		if err := c.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := s.Stats(ctx, c.Process.Pid); err == nil {
			t.Error("a stopped process answered")
		}
	})
	t.Run("when the server goes first", func(t *testing.T) {
		s, err := Listen(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		c := command(s, node, "-e", "const t = setInterval(() => { if (fs.existsSync('stop')) { clearInterval(t); console.log('ended') } }, 10)")
		c.Dir = t.TempDir()
		var out strings.Builder
		c.Stdout = &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the agent", func() bool { return len(s.Processes()) == 1 })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, "stop"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil || out.String() != "ended\n" {
			t.Errorf("%v, %q", err, out.String())
		}
	})
	t.Run("when many are there at once, and many in a row", func(t *testing.T) {
		s := listen(t)
		type end struct {
			out string
			err error
		}
		ends := make(chan end)
		start := func() {
			out, err := command(s, node, "-e", "console.log('out'); process.exitCode = 6").CombinedOutput()
			ends <- end{string(out), err}
		}
		check := func(e end) {
			if exit, ok := e.err.(*exec.ExitError); !ok || exit.ExitCode() != 6 || e.out != "out\n" {
				t.Errorf("%v, %q", e.err, e.out)
			}
		}
		for range 50 {
			go start()
		}
		for range 50 {
			check(<-ends)
		}
		for range 200 {
			go start()
			check(<-ends)
		}
	})
}

func TestStrangersAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"garbage":            "GET / HTTP/1.1\r\n\r\n",
		"another version":    `{"v":2,"type":"hello","pid":1}` + "\n",
		"no hello":           `{"v":1,"id":1}` + "\n",
		"a frame too long":   `{"v":1,"type":"` + strings.Repeat("x", maxFrame) + `"}` + "\n",
		"a second hello":     `{"v":1,"type":"hello","pid":1}` + "\n" + `{"v":1,"type":"hello","pid":2}` + "\n",
		"half of a frame":    `{"v":1,"type":"hello"`,
		"an answer unwanted": `{"v":1,"type":"hello","pid":1}` + "\n" + `{"v":1,"id":99}` + "\ngarbage\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t)
			c, err := dial(s)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write([]byte(text)); err != nil {
				return // refused already
			}
			if name == "half of a frame" {
				_ = c.(interface{ CloseWrite() error }).CloseWrite()
			}
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			if n, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
				t.Errorf("still open: %d, %v", n, err)
			}
			waitFor(t, "it to be forgotten", func() bool { return len(s.Processes()) == 0 })
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"v":1,"type":"hello","pid":1,"script":"/a.js","node":"20.1.0","limit":4345298944}`))
	f.Add([]byte(`{"v":1,"id":2,"before":{"used":1e99},"after":{"used":-1},"ms":1.5}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := decode(line)
		if err == nil && (r.V != version || r.After.heap().Used < 0 || bytes(r.Limit) < 0) {
			t.Errorf("%q gave %+v", line, r)
		}
	})
}
