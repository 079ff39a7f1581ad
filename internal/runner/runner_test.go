//go:build unix

package runner

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/meter"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/oom"
)

func TestMain(m *testing.M) {
	code := m.Run()
	proc.Shutdown()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// world makes a runner with a new meter.
func world(t *testing.T) *Runner {
	t.Helper()
	m, err := meter.New(meter.Options{Budget: memtools.GB})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return &Runner{RunID: proc.NewRunID(), Meter: m}
}

// running is a task that a test has started.
type running struct {
	Attempt
	r     *Runner
	log   string
	ended chan Result
}

// begin starts a task whose steps are shell commands. change adjusts it before.
func begin(t *testing.T, ctx context.Context, change func(*running, *Spec), commands ...string) *running {
	t.Helper()
	task := &running{r: world(t), log: filepath.Join(t.TempDir(), "log"), ended: make(chan Result, 1)}
	log, err := os.Create(task.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	spec := Spec{ID: "core#build", Log: log}
	for _, c := range commands {
		spec.Steps = append(spec.Steps, script.Step{Args: []string{"sh", "-c", c}, Env: os.Environ()})
	}
	if change != nil {
		change(task, &spec)
	}
	go func() {
		res, err := task.r.Run(ctx, spec, &task.Attempt)
		if err != nil {
			t.Error(err)
		}
		task.ended <- res
	}()
	return task
}

func size(log string) int64 {
	info, err := os.Stat(log)
	if err != nil {
		return 0
	}
	return info.Size()
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited 20 s for " + what)
		}
	}
}

// stopped reports whether the process of a task does not run, as ps tells: a shell whose
// child was stopped between its fork and its exec waits for that in state D.
func (r *running) stopped(t *testing.T) bool {
	t.Helper()
	r.mu.Lock()
	p, running := r.process.(*proc.Process)
	r.mu.Unlock()
	if !running {
		return false // its output was faster than Run
	}
	state, err := exec.CommandContext(t.Context(), "ps", "-o", "stat=", "-p", strconv.Itoa(p.PID())).Output()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ContainsAny(bytes.TrimSpace(state)[:1], "TD")
}

func TestFreeze(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	// It starts no process: a shell whose child is stopped between vfork and exec
	// waits for it in the kernel, which ps does not call stopped.
	task := begin(t, ctx, nil, "while :; do echo x; i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done; done")
	until(t, "its output", func() bool { return size(task.log) > 0 })
	task.Freeze()
	until(t, "its stop", func() bool { return task.stopped(t) })
	task.Thaw()
	until(t, "its going on", func() bool { return !task.stopped(t) })
	before := size(task.log)
	until(t, "more of its output", func() bool { return size(task.log) > before })
	task.Freeze() // a frozen one is ended too
	until(t, "its second stop", func() bool { return task.stopped(t) })
	cancel(ErrPressure)
	res := <-task.ended
	if res.Verdict.Cause != oom.PressureStop || res.Frozen <= 0 || res.Frozen > res.Duration {
		t.Errorf("%+v", res)
	}
	task.Freeze() // nothing is there any more
	if task.frozenFor() != res.Frozen {
		t.Error("an ended attempt is frozen")
	}
}

// TestFrozenSteps: no step of a frozen attempt starts, and its time limit waits.
func TestFrozenSteps(t *testing.T) {
	t.Run("start with the thaw", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var a Attempt
			a.Freeze()
			started := false
			go func() { a.mayStart(t.Context()); started = true }()
			time.Sleep(time.Hour)
			synctest.Wait()
			if started {
				t.Error("it started while it was frozen")
			}
			a.Thaw()
			synctest.Wait()
			if !started {
				t.Error("it never started")
			}
			if a.End() != time.Hour {
				t.Errorf("frozen for %v", a.total)
			}
		})
	})
	t.Run("do not start once the task is ended", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var a Attempt
			a.Freeze()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			a.mayStart(ctx) // returns
		})
	})
	t.Run("do not time out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var a Attempt
			a.Freeze()
			var ended atomic.Bool
			go a.endAfter(t.Context(), time.Minute, func() { ended.Store(true) })
			time.Sleep(time.Hour)
			a.Thaw()
			time.Sleep(59 * time.Second)
			synctest.Wait()
			if ended.Load() {
				t.Error("it timed out for a time in which it was frozen")
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if !ended.Load() {
				t.Error("it did not time out")
			}
		})
	})
}

// TestProcessorTime: a process that is never waited for, like esbuild's service,
// counts towards its task.
func TestProcessorTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere only what was waited for is known")
	}
	done := filepath.Join(t.TempDir(), "done")
	const busy = `i=0; while [ $i -lt 200 ]; do i=$((i+1)); j=0; while [ $j -lt 10000 ]; do j=$((j+1)); done; done; `
	task := begin(t, t.Context(), nil, "(sh -c '"+busy+"touch "+done+"; sleep 3' &); while [ ! -e "+done+" ]; do sleep 0.1; done; sleep 2")
	metering, stop := context.WithCancel(t.Context())
	metered := make(chan struct{})
	go func() { defer close(metered); task.r.Meter.Run(metering) }()
	res := <-task.ended
	stop()
	<-metered
	if !res.Verdict.Success() || res.CPU < time.Second {
		t.Errorf("%+v", res)
	}
}

func TestSteps(t *testing.T) {
	t.Run("run one after another until one fails", func(t *testing.T) {
		task := begin(t, t.Context(), nil, "echo one", "echo two; exit 3", "echo three")
		res := <-task.ended
		text, err := os.ReadFile(task.log)
		if err != nil || !bytes.Equal(text, []byte("one\ntwo\n")) || res.ExitCode != 3 || res.Verdict.Success() {
			t.Errorf("%q, %v, %+v", text, err, res)
		}
	})
	t.Run("are shown as they come, beside the log", func(t *testing.T) {
		var shown bytes.Buffer
		task := begin(t, t.Context(), func(_ *running, s *Spec) { s.Output = &shown }, "echo one", "echo two")
		<-task.ended
		if shown.String() != "one\ntwo\n" {
			t.Errorf("%q", shown.String())
		}
	})
	t.Run("wait for the thaw of a task that was frozen before it began", func(t *testing.T) {
		task := begin(t, t.Context(), func(task *running, _ *Spec) { task.Freeze() }, "echo it runs")
		until(t, "its log", func() bool { _, err := os.Stat(task.log); return err == nil })
		task.Thaw()
		if res := <-task.ended; !res.Verdict.Success() || res.Frozen == 0 || size(task.log) == 0 {
			t.Errorf("%+v", res)
		}
	})
	t.Run("do not start once the task is stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(ErrPressure)
		task := begin(t, ctx, nil, "echo it runs")
		if res := <-task.ended; res.Verdict.Cause != oom.PressureStop || size(task.log) > 0 {
			t.Errorf("%+v", res)
		}
	})
	t.Run("do not fail because their output cannot be shown", func(t *testing.T) {
		task := begin(t, t.Context(), func(_ *running, s *Spec) { s.Output = refuses{} }, "echo it runs")
		if res := <-task.ended; !res.Verdict.Success() || size(task.log) == 0 {
			t.Errorf("%+v", res)
		}
	})
	t.Run("end at the timeout", func(t *testing.T) {
		task := begin(t, t.Context(), func(_ *running, s *Spec) { s.Timeout = 50 * time.Millisecond }, "sleep 60")
		if res := <-task.ended; res.Verdict.Cause != oom.Timeout {
			t.Errorf("%+v", res)
		}
	})
}

// refuses is a console that takes nothing.
type refuses struct{}

func (refuses) Write([]byte) (int, error) { return 0, os.ErrClosed }
