package pool_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/pool"
	"github.com/heapmage/heapmage/pool/internal/frame"
	"github.com/heapmage/heapmage/pool/worker"
)

// hang is how long a test waits before it reports that something hangs.
const hang = 60 * time.Second

// misbehaveEnv makes the test binary a worker that breaks the protocol.
const misbehaveEnv = "POOL_TEST_MISBEHAVE"

func TestMain(m *testing.M) {
	if how := os.Getenv(misbehaveEnv); how != "" && os.Getenv(frame.FDEnv) != "" {
		misbehave(how)
		os.Exit(0)
	}
	worker.Main(goHandlers())
	if inSmallWorld != nil && inSmallWorld() {
		os.Exit(0)
	}
	code := m.Run()
	proc.Shutdown()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines left:", err)
		code = 1
	}
	if left := children(); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "children left:", left)
		code = 1
	}
	os.Exit(code)
}

// inSmallWorld is set on Linux.
var inSmallWorld func() bool

// goHandlers are the tasks of the workers that are this binary, started again.
func goHandlers() worker.Handlers {
	return worker.Handlers{
		"echo":  func(_ context.Context, data json.RawMessage) (any, error) { return data, nil },
		"pid":   func(context.Context, json.RawMessage) (any, error) { return os.Getpid(), nil },
		"fail":  func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("it went wrong") },
		"panic": func(context.Context, json.RawMessage) (any, error) { panic("the handler gave up") },
		"exit":  worker.Func(func(_ context.Context, code int) (any, error) { os.Exit(code); return nil, nil }),
		"wait": func(ctx context.Context, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			return "cancelled", nil
		},
		"deaf": func(context.Context, json.RawMessage) (any, error) { select {} },
		"env":  worker.Func(func(_ context.Context, name string) (string, error) { return os.Getenv(name), nil }),
		// Dies the first time that it sees the file missing, and makes it before.
		"once": worker.Func(func(_ context.Context, file string) (int, error) {
			if _, err := os.Stat(file); err == nil {
				return os.Getpid(), nil
			}
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				return 0, err
			}
			fmt.Println("last words")
			os.Exit(7)
			return 0, nil
		}),
	}
}

func misbehave(how string) {
	channel := os.NewFile(3, "pool")
	ready := frame.Frame{Kind: frame.Ready, V: frame.Version}.Append(nil)
	read := func() { _, _ = frame.NewDecoder(channel, 0).Next() }
	switch how {
	case "garbage at the start":
		_, _ = channel.WriteString("hello world\n")
	case "garbage in a task":
		_, _ = channel.Write(ready)
		read()
		_, _ = channel.WriteString("{\"kind\":\"result\",\"id\":1,\"result\":{oops}}\n")
	case "a frame of 100 MB":
		_, _ = channel.Write(ready)
		read()
		_, _ = channel.WriteString(`{"kind":"result","id":1,"result":"`)
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for range 100 {
			if _, err := channel.Write(chunk); err != nil {
				break
			}
		}
	case "an answer before ready":
		_, _ = channel.WriteString("{\"kind\":\"result\",\"id\":1}\n")
	case "a later version":
		_, _ = channel.WriteString("{\"kind\":\"ready\",\"v\":99}\n")
	case "an answer twice, and one to no task":
		_, _ = channel.Write(ready)
		for in := frame.NewDecoder(channel, 0); ; {
			f, err := in.Next()
			if err != nil {
				return
			}
			answer := frame.Frame{Kind: frame.Result, ID: f.ID, Result: f.Data}.Append(nil)
			wrong := frame.Frame{Kind: frame.Result, ID: f.ID + 1000, Result: json.RawMessage(`"wrong"`)}.Append(nil)
			_, _ = channel.Write(append(append(wrong, answer...), answer...))
		}
	case "half a frame":
		_, _ = channel.Write(ready)
		read()
		_, _ = channel.WriteString(`{"kind":"resu`)
		return
	case "a closed channel":
		_, _ = channel.Write(ready)
		read()
		_ = channel.Close()
	case "kinds of the future":
		_, _ = channel.WriteString("{\"kind\":\"ready\",\"v\":1,\"mood\":\"good\"}\n\n{\"kind\":\"progress\",\"percent\":5}\n")
		for in := frame.NewDecoder(channel, 0); ; {
			f, err := in.Next()
			if err != nil {
				return
			}
			fmt.Fprintf(channel, "{\"kind\":\"weather\",\"id\":%d}\n{\"x\":[1,{}],\"result\":true,\"id\":%d,\"kind\":\"result\"}\n", f.ID, f.ID)
		}
	}
	time.Sleep(time.Hour) // nothing: until it is ended
}

// children are the processes whose parent this one is, zombies included.
func children() (left []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, ok := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); ok && len(f) > 1 && f[1] == fmt.Sprint(os.Getpid()) {
			left = append(left, string(stat))
		}
	}
	return left
}

// need skips the test where a program is missing, but not in CI.
func need(t testing.TB, program string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("worker processes need a Unix system")
	}
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" && runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func needUnix(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("worker processes need a Unix system")
	}
}

// newPool makes a pool that the test's end shuts down.
func newPool(t testing.TB, program pool.Program, o pool.Options) *pool.Pool {
	t.Helper()
	p, err := pool.New(program, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Shutdown(soon(t)); err != nil {
			t.Error("shutdown:", err)
		}
	})
	return p
}

// soon is a context for what must not hang.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	t.Cleanup(cancel)
	return ctx
}

// script writes a worker script into a new folder.
func script(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// journal keeps events, and lets a test wait for them.
type journal struct {
	mu     sync.Mutex
	events []pool.Event
	more   chan struct{} // a token for each change
}

func newJournal() *journal { return &journal{more: make(chan struct{}, 1)} }

func (j *journal) note(e pool.Event) {
	j.mu.Lock()
	j.events = append(j.events, e)
	j.mu.Unlock()
	select {
	case j.more <- struct{}{}:
	default:
	}
}

func (j *journal) all(kind pool.EventKind) (found []pool.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

// await waits for n events of a kind.
func (j *journal) await(t testing.TB, kind pool.EventKind, n int) []pool.Event {
	t.Helper()
	late := time.After(hang)
	for {
		if found := j.all(kind); len(found) >= n {
			return found
		}
		select {
		case <-j.more:
		case <-late:
			t.Fatalf("waited for %d events %q, got %v", n, kind, j.events)
		}
	}
}

func mustExec(t testing.TB, p *pool.Pool, task pool.Task) string {
	t.Helper()
	r, err := p.Exec(soon(t), task)
	if err != nil {
		t.Fatalf("task %q: %v", task.Type, err)
	}
	return string(r.Value)
}
