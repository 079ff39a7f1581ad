package engine

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/outputs"
	"github.com/heapmage/heapmage/internal/planview"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/runner"
	"github.com/heapmage/heapmage/internal/tally"
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

// npm makes an npm workspace of packages, each with a build script, and further files.
func npm(t *testing.T, scripts map[string]string, files map[string]string) (root string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Node; left out with -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no node")
	}
	root = t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("package.json", `{"name": "root", "private": true, "workspaces": ["packages/*"]}`)
	write("package-lock.json", `{"lockfileVersion": 3, "packages": {}}`)
	write("node_modules/.keep", "")
	for name, script := range scripts {
		name, after, _ := strings.Cut(name, " after ")
		dependencies := ""
		if after != "" {
			dependencies = `"dependencies": {"` + after + `": "1.0.0"}, `
		}
		write("packages/"+name+"/package.json", `{"name": "`+name+`", "version": "1.0.0", `+dependencies+`"scripts": {"build": "`+script+`"}}`)
	}
	for name, text := range files {
		write(name, text)
	}
	return root
}

// printed calls do and returns what it printed to standard output.
func printed(t *testing.T, do func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		text <- string(all)
	}()
	do()
	os.Stdout = stdout
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return <-text
}

// recorded reads the record of the only run in a workspace.
func recorded(t *testing.T, root string) []event.Stamped {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".heapmage/runs/*/events.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events, err := event.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// outline is the events of a run without the measurements, which come at any time.
func outline(events []event.Stamped) (lines []string) {
	for _, e := range events {
		switch v := e.Event.(type) {
		case event.RunStarted:
			lines = append(lines, "run")
		case event.RunPlanned:
			lines = append(lines, "plan")
		case event.TaskQueued:
			lines = append(lines, "queued "+v.Label)
		case event.TaskStarted:
			lines = append(lines, "started "+v.Label)
		case event.TaskFinished:
			lines = append(lines, string(v.Status)+" "+v.Label)
		case event.TaskSkipped:
			lines = append(lines, "skipped "+v.Label)
		case event.Notice:
			lines = append(lines, string(v.Kind))
		case event.RunFinished:
			lines = append(lines, "done")
		}
	}
	return lines
}

func TestRun(t *testing.T) {
	root := npm(t, map[string]string{"core": "echo built core", "web after core": "exit 3", "app after web": "true"}, nil)
	var err error
	log := printed(t, func() { err = Run(t.Context(), Request{Dir: root, Target: "build"}) })
	failed, ok := errors.AsType[*problem.Error](err)
	if !ok || failed.ExitStatus() != problem.ExitFailed || failed.What != "build failed: web" {
		t.Errorf("%v", err)
	}
	events := recorded(t, root)
	want := []string{"run", "plan", "queued core", "started core", "succeeded core", "queued web", "started web", "failed web", "skipped app", "done"}
	if got := outline(events); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	t.Run("is replayed by its record", func(t *testing.T) {
		var b strings.Builder
		console := report.NewConsole(t.Context(), &b, false, report.Held)
		sink := tally.NewSink(console)
		for _, e := range events {
			sink.Take(e)
		}
		if err := console.Close(); err != nil {
			t.Error(err)
		}
		if b.String() != log {
			t.Errorf("replayed\n%s\nprinted\n%s", b.String(), log)
		}
	})
	t.Run("ends with the tally of its events", func(t *testing.T) {
		var s tally.State
		last := len(events) - 1
		for _, e := range events[:last] {
			s.Apply(e)
		}
		sum, f := s.Summary(), events[last].Event.(event.RunFinished)
		sum.Duration, sum.Usage, sum.Budget = f.Duration, f.Usage, f.Budget // measured at the end
		for _, d := range []struct {
			folded *time.Duration
			live   time.Duration
		}{{&sum.Tasks, f.Tasks}, {&sum.Bound, f.Bound}} {
			if (*d.folded - d.live).Abs() < time.Millisecond {
				*d.folded = d.live // the record has the wall clock, the run a steady one
			}
		}
		if unused := (sum.Unused - f.Unused); max(unused, -unused) < f.Unused/1000 {
			sum.Unused = f.Unused
		}
		if sum != f {
			t.Errorf("tally %+v\nevent %+v", sum, f)
		}
	})
}

// TestRetry: a heap limit that is too small is raised for the next attempt, through the
// attempt's outcome, and what the first attempt wrote is removed before.
func TestRetry(t *testing.T) {
	root := npm(t, map[string]string{"core": "mkdir -p dist && test ! -e dist/half && touch dist/half && node fill.js"}, map[string]string{
		"packages/core/fill.js": "const k = []; for (let i = 0; i < 90; i++) k.push(new Array(131072).fill(i));",
		"heapmage.yaml":         "tasks: {build: {outputs: [dist/**]}}\nretries: 1\n",
	})
	t.Setenv("NODE_OPTIONS", "--max-old-space-size=40")
	var err error
	log := printed(t, func() { err = Run(t.Context(), Request{Dir: root, Target: "build"}) })
	if err != nil {
		t.Errorf("%v\n%s", err, log)
	}
	var attempts []event.TaskFinished
	for _, e := range recorded(t, root) {
		if f, ok := e.Event.(event.TaskFinished); ok {
			attempts = append(attempts, f)
		}
	}
	if len(attempts) != 2 || attempts[0].Status != event.OutOfMemory || !attempts[0].Retry || attempts[0].Hint != "" || attempts[1].Status != event.Succeeded || attempts[1].Attempt != 2 {
		t.Errorf("%+v", attempts)
	}
}

func TestInterrupt(t *testing.T) {
	root := npm(t, map[string]string{"core": "touch started; sleep 60"}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(root, "packages/core/started")); err == nil {
				cancel()
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	var err error
	log := printed(t, func() { err = Run(ctx, Request{Dir: root, Target: "build", Mode: event.Managed}) })
	failed, ok := errors.AsType[*problem.Error](err)
	if !ok || failed.ExitStatus() != problem.ExitInterrupted || !strings.Contains(log, "❌ Building package: core failed") {
		t.Errorf("%v\n%s", err, log)
	}
}

func TestPlan(t *testing.T) {
	root := npm(t, map[string]string{"core": "true", "web after core": "true"}, nil)
	var err error
	text := printed(t, func() { err = Plan(t.Context(), Request{Dir: root, Target: "build"}, planview.Flags{}) })
	if err != nil || !strings.Contains(text, "Plan of build: 2 tasks, as many at once as fit") || !strings.Contains(text, "core#build") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(root, ".heapmage")); err == nil {
		t.Error("a plan wrote something")
	}
}

// TestEndsRun: an attempt that ran out of memory may run again, unless the run ends.
func TestEndsRun(t *testing.T) {
	for cause, want := range map[error]bool{nil: false, runner.ErrPressure: false, runner.ErrLast: false, context.Canceled: true, errors.New("terminated"): true} {
		if endsRun(cause) != want {
			t.Errorf("%v: %v", cause, !want)
		}
	}
}

func TestWorkerShowsOutputWithV(t *testing.T) {
	root := npm(t, map[string]string{"core": "echo built core"}, nil)
	t.Setenv("MAGEFILE_VERBOSE", "1")
	t.Setenv("HEAPMAGE_CONCURRENCY", "2")
	var log strings.Builder
	w, err := OpenWorker(t.Context(), root, &log)
	if err != nil {
		t.Fatal(err)
	}
	name := "core"
	if _, err := w.Do(t.Context(), Request{Target: "build", Packages: &name}); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "\ncore: built core\n") {
		t.Error(log.String())
	}
}

func TestWorker(t *testing.T) {
	root := npm(t, map[string]string{"core": "sleep 0.5 && echo built core", "web": "exit 3"}, nil)
	var log strings.Builder
	w, err := OpenWorker(t.Context(), root, &log)
	if err != nil {
		t.Fatal(err)
	}
	do := func(packages string) (event.TaskFinished, error) {
		return w.Do(t.Context(), Request{Target: "build", Packages: &packages})
	}
	done, err := do("core")
	if err != nil || done.Package != "core" || done.Attempt != 1 || done.Peak <= 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := do("web"); err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("%v", err)
	}
	if _, err := do("*"); err == nil || !strings.Contains(err.Error(), "is not one package") {
		t.Errorf("%v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "✅ Building package: core completed") || !strings.Contains(log.String(), "peak of core") {
		t.Error(log.String())
	}
}

// TestPanic: a panic in one attempt fails its task, not the run.
func TestPanic(t *testing.T) {
	root := npm(t, map[string]string{"core": "true"}, nil)
	p, planned, err := prepareRun(t.Context(), Request{Dir: root, Target: "build"}, false)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{prepared: p, target: "build", graph: planned.Graph, said: &event.Once{}, before: &outputs.Listings{}}
	var log strings.Builder
	r.console = report.NewConsole(t.Context(), &log, false, report.Held)
	if err := r.open(t.Context(), proc.NewRunID(), event.RunStarted{Target: "build"}); err != nil {
		t.Fatal(err)
	}
	r.runner = nil // a fault of ours
	err = r.do(t.Context())
	if err := r.console.Close(); err != nil {
		t.Error(err)
	}
	if failed, ok := errors.AsType[*problem.Error](err); !ok || failed.ExitStatus() != problem.ExitFailed || !strings.Contains(log.String(), "nil pointer dereference") {
		t.Errorf("%v\n%s", err, log.String())
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
}
