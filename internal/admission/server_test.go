//go:build linux || darwin

package admission

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const hang = 20 * time.Second

func listen(t *testing.T) *Server {
	t.Helper()
	s, err := Listen("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(false); err != nil {
			t.Error(err)
		}
	})
	return s
}

// shim is a test's end of a conversation.
type shim struct {
	t *testing.T
	net.Conn
	in *frame.Reader
}

func connect(t *testing.T, s *Server) *shim {
	t.Helper()
	c, err := net.Dial("unix", filepath.Join(s.Folder(), frame.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(hang))
	return &shim{t, c, frame.NewReader(c)}
}

func (c *shim) send(f frame.Frame) {
	c.t.Helper()
	line, err := frame.Encode(f)
	if err == nil {
		_, err = c.Write(line)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// next returns the next frame that is no heartbeat.
func (c *shim) next() frame.Frame {
	c.t.Helper()
	for {
		f, err := c.in.Next()
		if err != nil {
			c.t.Fatal(err)
		}
		if f.Type != frame.Wait {
			return f
		}
	}
}

// wantEnd wants the server to end the conversation.
func (c *shim) wantEnd() {
	c.t.Helper()
	for {
		f, err := c.in.Next()
		if err == nil && f.Type == frame.Wait {
			continue
		}
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Fatalf("got %+v, %v; want the end", f, err)
		}
		return
	}
}

var anAsk = frame.Frame{Version: 1, Type: frame.Ask, Event: "build", Folder: "/w/core", Text: "tsc -p .", Stdin: frame.Null}

func accept(t *testing.T, s *Server) *Script {
	t.Helper()
	got := make(chan *Script, 1)
	go func() {
		sc, _ := s.Accept()
		got <- sc
	}()
	select {
	case sc := <-got:
		if sc == nil {
			t.Fatal("the server is closed")
		}
		return sc
	case <-time.After(hang):
		t.Fatal("nobody has asked")
		return nil
	}
}

func wantLost(t *testing.T, sc *Script) {
	t.Helper()
	select {
	case <-sc.Lost():
	case <-time.After(hang):
		t.Fatal("the loss of the shim is not noticed")
	}
}

func TestConversation(t *testing.T) {
	s := listen(t)
	c := connect(t, s)
	c.send(anAsk)
	sc := accept(t, s)
	if want := (Ask{PID: os.Getpid(), Event: "build", Folder: "/w/core", Text: "tsc -p .", Stdin: frame.Null}); sc.Ask() != want {
		t.Errorf("got %+v, want %+v", sc.Ask(), want)
	}
	if f, err := c.in.Next(); err != nil || f.Type != frame.Wait {
		t.Errorf("got %+v, %v; want a heartbeat", f, err)
	}
	for attempt := range 2 {
		go func() {
			f := c.next()
			if want := (frame.Frame{Type: frame.Run, Set: map[string]string{"A": "b"}, Shell: "/bin/bash"}); !reflect.DeepEqual(f, want) {
				t.Errorf("got %+v, want %+v", f, want)
			}
			c.send(frame.Frame{Type: frame.Started, PID: 4711 + attempt})
		}()
		pid, err := sc.Run(t.Context(), Terms{Set: map[string]string{"A": "b"}, Shell: "/bin/bash"})
		if err != nil || pid != 4711+attempt {
			t.Fatalf("got %d, %v", pid, err)
		}
		if err := sc.End(); !errors.Is(err, errTurn) {
			t.Errorf("the end of a script that runs: %v", err)
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := sc.Wait(done); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that of the context", err)
		}
		c.send(frame.Frame{Type: frame.Signal, Signal: 15})
		c.send(frame.Frame{Type: frame.Ended, Code: 1, MaxRSS: 2, User: 3, System: 4, Read: true})
		if got := <-sc.Signals(); got != 15 {
			t.Errorf("signal %d", got)
		}
		e, err := sc.Wait(t.Context())
		if want := (Ended{Code: 1, MaxRSS: 2, User: 3, System: 4, Read: true}); err != nil || e != want {
			t.Errorf("got %+v, %v; want %+v", e, err, want)
		}
		if attempt == 0 {
			if err := sc.Again("out of memory"); err != nil {
				t.Fatal(err)
			}
			if f := c.next(); f.Type != frame.Again || f.Why != "out of memory" {
				t.Errorf("got %+v", f)
			}
		}
	}
	if err := sc.End(); err != nil {
		t.Fatal(err)
	}
	if f := c.next(); f.Type != frame.End {
		t.Errorf("got %+v", f)
	}
	wantLost(t, sc)
	if err := sc.End(); !errors.Is(err, ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
}

func TestPass(t *testing.T) {
	s := listen(t)
	c := connect(t, s)
	c.send(anAsk)
	if err := accept(t, s).Pass(true, "/bin/bash"); err != nil {
		t.Fatal(err)
	}
	if f := c.next(); f.Type != frame.Pass || !f.Keep || f.Shell != "/bin/bash" {
		t.Errorf("got %+v", f)
	}
	c.wantEnd()
}

// TestBrokenPeers: whatever a peer sends, the server ends that conversation only.
func TestBrokenPeers(t *testing.T) {
	s := listen(t)
	good := connect(t, s)
	good.send(anAsk)
	kept := accept(t, s)
	connect(t, s) // and says nothing
	for claim, text := range map[string]string{
		"no JSON":           "hello\n",
		"another version":   `{"v":2,"type":"ask","folder":"/w"}` + "\n",
		"no folder":         `{"v":1,"type":"ask"}` + "\n",
		"a relative folder": `{"v":1,"type":"ask","folder":"w"}` + "\n",
		"another frame":     `{"v":1,"type":"ended","folder":"/w"}` + "\n",
		"an endless line":   strings.Repeat(" ", frame.Max+2),
	} {
		t.Run(claim, func(t *testing.T) {
			c := connect(t, s)
			go func() { _, _ = io.WriteString(c, text) }() // the server may end before all is written
			c.wantEnd()
		})
	}
	for claim, f := range map[string]frame.Frame{
		"ended before it started": {Type: frame.Ended},
		"started unasked":         {Type: frame.Started, PID: 4711},
		"a guard's frame":         {Type: frame.Run},
		"a second ask":            anAsk,
	} {
		t.Run(claim, func(t *testing.T) {
			c := connect(t, s)
			c.send(anAsk)
			sc := accept(t, s)
			c.send(f)
			c.wantEnd()
			wantLost(t, sc)
			if _, err := sc.Run(t.Context(), Terms{}); !errors.Is(err, ErrLost) {
				t.Errorf("got %v, want ErrLost", err)
			}
		})
	}
	for claim, pid := range map[string]int{"no process": 0, "process 1": 1, "all processes": -1} {
		t.Run("a script that is "+claim, func(t *testing.T) {
			c := connect(t, s)
			c.send(anAsk)
			sc := accept(t, s)
			c.send(frame.Frame{Type: "new in a later version"}) // is ignored
			go func() {
				c.next()
				c.send(frame.Frame{Type: frame.Started, PID: pid})
			}()
			if _, err := sc.Run(t.Context(), Terms{}); !errors.Is(err, ErrLost) {
				t.Errorf("got %v, want ErrLost", err)
			}
		})
	}
	if err := kept.Pass(false, ""); err != nil {
		t.Error("the good one is lost:", err)
	}
	if f := good.next(); f.Type != frame.Pass {
		t.Errorf("got %+v", f)
	}
}

func TestShimGoesWhileItWaits(t *testing.T) {
	s := listen(t)
	c := connect(t, s)
	c.send(anAsk)
	sc := accept(t, s)
	_ = c.Close()
	wantLost(t, sc)
	gone := connect(t, s) // before Accept
	gone.send(anAsk)
	_ = gone.Close()
}

func TestClose(t *testing.T) {
	s := listen(t)
	c := connect(t, s)
	c.send(anAsk)
	sc := accept(t, s)
	never := connect(t, s)
	never.send(anAsk) // and is not accepted
	if err := s.Close(true); err != nil {
		t.Fatal(err)
	}
	c.wantEnd()
	never.wantEnd()
	wantLost(t, sc)
	if _, err := s.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
	left, err := os.Readlink(filepath.Join(s.Folder(), frame.ShellName))
	if err != nil || left != "/bin/sh" {
		t.Errorf("what stays is %s, %v", left, err)
	}
	if err := os.RemoveAll(s.Folder()); err != nil {
		t.Error(err)
	}
}

func TestFolder(t *testing.T) {
	s := listen(t)
	info, err := os.Stat(s.Folder())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if err := s.Close(false); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(s.Folder()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder stays: %v", err)
	}
	t.Run("not where its path cannot be in PATH, or its socket's path is too long", func(t *testing.T) {
		for _, name := range []string{"a:b", strings.Repeat("long", 20)} {
			dir := filepath.Join(t.TempDir(), name)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("TMPDIR", dir)
			if got := filepath.Dir(listen(t).Folder()); got != "/tmp" {
				t.Errorf("the folder is in %s", got)
			}
		}
	})
}

func TestEnviron(t *testing.T) {
	s := listen(t)
	env := []string{"A=1", "npm_config_script_shell=/bin/bash", "PATH=/usr/bin:/bin", "NPM_CONFIG_SCRIPT_SHELL=", "B=2"}
	given := slices.Clone(env)
	got, err := s.Environ(env)
	sh := filepath.Join(s.Folder(), "sh")
	want := []string{"A=1", "PATH=" + s.Folder() + ":/usr/bin:/bin", "B=2", "npm_config_script_shell=" + sh, "pnpm_config_script_shell=" + sh}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
	if !slices.Equal(env, given) {
		t.Errorf("its argument has changed to %q", env)
	}
	kept, err := os.ReadFile(filepath.Join(s.Folder(), frame.KeptName))
	if err != nil || string(kept) != "npm_config_script_shell=/bin/bash\x00NPM_CONFIG_SCRIPT_SHELL=\x00" {
		t.Errorf("kept %q, %v", kept, err)
	}
}
