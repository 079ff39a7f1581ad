//go:build unix

package runner

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
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

// start runs shell commands as the steps of one task and returns its log and
// what Run returned.
func start(t *testing.T, ctx context.Context, commands ...string) (r *Runner, log string, ended <-chan Result) {
	t.Helper()
	m, err := meter.New(meter.Options{Budget: memtools.GB})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	r = &Runner{RunID: proc.NewRunID(), Meter: m}
	log = filepath.Join(t.TempDir(), "log")
	var steps []script.Step
	for _, c := range commands {
		steps = append(steps, script.Step{Args: []string{"sh", "-c", c}, Env: os.Environ()})
	}
	results := make(chan Result, 1)
	go func() {
		res, err := r.Run(ctx, Spec{ID: "core#build", Steps: steps, Log: log})
		if err != nil {
			t.Error(err)
		}
		results <- res
	}()
	return r, log, results
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

func TestFreeze(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r, log, ended := start(t, ctx, "while :; do echo x; sleep 0.01; done")
	until(t, "its output", func() bool { return size(log) > 0 })
	r.Freeze("core#build")
	if !r.Frozen("core#build") {
		t.Error("it is not frozen")
	}
	time.Sleep(100 * time.Millisecond) // what it wrote before is on its way
	before := size(log)
	time.Sleep(200 * time.Millisecond)
	if after := size(log); after != before {
		t.Errorf("it wrote %d bytes while it was frozen", after-before)
	}
	r.Thaw("core#build")
	until(t, "more of its output", func() bool { return size(log) > before })
	r.Freeze("core#build") // also a frozen one is ended
	cancel(ErrPressure)
	res := <-ended
	if res.Verdict.Cause != oom.PressureStop || res.Frozen < 300*time.Millisecond || res.Frozen > res.Duration {
		t.Errorf("%+v", res)
	}
	r.Freeze("core#build") // nothing is there any more
	if r.Frozen("core#build") {
		t.Error("an ended task is frozen")
	}
}

// TestProcessorTime: a process that nobody waits for, as esbuild's service, is
// part of what a task took.
func TestProcessorTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere only what was waited for is known")
	}
	done := filepath.Join(t.TempDir(), "done")
	const busy = `i=0; while [ $i -lt 200 ]; do i=$((i+1)); j=0; while [ $j -lt 10000 ]; do j=$((j+1)); done; done; `
	r, _, ended := start(t, t.Context(), "(sh -c '"+busy+"touch "+done+"; sleep 3' &); while [ ! -e "+done+" ]; do sleep 0.1; done; sleep 2")
	metering, stop := context.WithCancel(t.Context())
	metered := make(chan struct{})
	go func() { defer close(metered); r.Meter.Run(metering) }()
	res := <-ended
	stop()
	<-metered
	if !res.Verdict.Success() || res.CPU < time.Second {
		t.Errorf("%+v", res)
	}
}

func TestSteps(t *testing.T) {
	t.Run("run one after another until one fails", func(t *testing.T) {
		_, log, ended := start(t, t.Context(), "echo one", "echo two; exit 3", "echo three")
		res := <-ended
		text, err := os.ReadFile(log)
		if err != nil || !bytes.Equal(text, []byte("one\ntwo\n")) || res.ExitCode != 3 || res.Verdict.Success() {
			t.Errorf("%q, %v, %+v", text, err, res)
		}
	})
	t.Run("are frozen from their start where the task is", func(t *testing.T) {
		go1 := filepath.Join(t.TempDir(), "go")
		r, log, ended := start(t, t.Context(), "while [ ! -e "+go1+" ]; do sleep 0.01; done", "echo second")
		until(t, "its start", func() bool { r.Freeze("core#build"); return r.Frozen("core#build") })
		if err := os.WriteFile(go1, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		if size(log) != 0 {
			t.Error("the second step ran")
		}
		r.Thaw("core#build")
		if res := <-ended; !res.Verdict.Success() {
			t.Errorf("%+v", res)
		}
	})
	t.Run("are frozen although the task had not begun when that was asked for", func(t *testing.T) {
		r, _, ended := start(t, t.Context())
		<-ended
		r.Expect("core#build")
		r.Freeze("core#build")
		log := filepath.Join(t.TempDir(), "log")
		results := make(chan Result, 1)
		go func() {
			res, err := r.Run(t.Context(), Spec{ID: "core#build", Log: log, Steps: []script.Step{{Args: []string{"echo", "it runs"}, Env: os.Environ()}}})
			if err != nil {
				t.Error(err)
			}
			results <- res
		}()
		until(t, "its log", func() bool { _, err := os.Stat(log); return err == nil })
		time.Sleep(100 * time.Millisecond)
		if size(log) != 0 {
			t.Error("it ran")
		}
		r.Thaw("core#build")
		if res := <-results; !res.Verdict.Success() || res.Frozen == 0 || size(log) == 0 {
			t.Errorf("%+v", res)
		}
	})
	t.Run("do not start once the task is stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(ErrPressure)
		_, log, ended := start(t, ctx, "echo it runs")
		if res := <-ended; res.Verdict.Cause != oom.PressureStop || size(log) > 0 {
			t.Errorf("%+v", res)
		}
	})
	t.Run("write no file that is older than their start", func(t *testing.T) {
		for range 20 {
			file := filepath.Join(t.TempDir(), "written")
			_, _, ended := start(t, t.Context(), "echo > "+file)
			res := <-ended
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if info.ModTime().Before(res.Started) {
				t.Fatalf("it started at %v and wrote at %v", res.Started, info.ModTime())
			}
		}
	})
	t.Run("end at the timeout", func(t *testing.T) {
		m, err := meter.New(meter.Options{Budget: memtools.GB})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		r := &Runner{RunID: proc.NewRunID(), Meter: m}
		res, err := r.Run(t.Context(), Spec{ID: "x", Log: filepath.Join(t.TempDir(), "log"), Timeout: 50 * time.Millisecond,
			Steps: []script.Step{{Args: []string{"sleep", "60"}, Env: os.Environ()}}})
		if err != nil || res.Verdict.Cause != oom.Timeout {
			t.Errorf("%v, %+v", err, res)
		}
	})
	t.Run("do not time out while they are frozen", func(t *testing.T) {
		m, err := meter.New(meter.Options{Budget: memtools.GB})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		r := &Runner{RunID: proc.NewRunID(), Meter: m}
		r.Expect("x")
		r.Freeze("x")
		const timeout = 3 * time.Second
		ended := make(chan Result)
		go func() {
			res, err := r.Run(t.Context(), Spec{ID: "x", Log: filepath.Join(t.TempDir(), "log"), Timeout: timeout,
				Steps: []script.Step{{Args: []string{"true"}, Env: os.Environ()}}})
			if err != nil {
				t.Error(err)
			}
			ended <- res
		}()
		time.Sleep(timeout + time.Second)
		r.Thaw("x")
		if res := <-ended; !res.Verdict.Success() || res.Frozen < timeout {
			t.Errorf("%+v", res)
		}
	})
}
