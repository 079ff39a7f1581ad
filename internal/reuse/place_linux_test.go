package reuse

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/observe"
)

// place is a workspace in which shell scripts are tasks.
type place struct {
	t    tester
	root string
	home string
	path string // PATH; empty stands for that of the test
	eyes *observe.Observer
	r    *Results
	// installed is Task.Installed.
	installed func(file string) (state, dir string, ok bool)
}

// tester is what a test and one of a property have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

func newPlace(t *testing.T, files map[string]string) *place {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, root: root, home: filepath.Join(root, "home"), eyes: &observe.Observer{}}
	t.Cleanup(p.eyes.Close)
	for name, text := range files {
		p.write(name, text)
	}
	p.sh("git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x")
	p.open()
	return p
}

func (p *place) open() {
	p.t.Helper()
	var err error
	if p.r, err = Open(p.root, p.home); err != nil {
		p.t.Fatal(err)
	}
	p.r.temps = nil // the workspace is itself in a temporary folder
}

// again is a later run of heapmage.
func (p *place) again() {
	p.t.Helper()
	if err := p.r.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.open()
}

func (p *place) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) sh(text string) {
	p.t.Helper()
	c := exec.Command("sh", "-c", text)
	c.Dir = p.root
	if out, err := c.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", text, err, out)
	}
}

func (p *place) read(name string) string {
	text, err := os.ReadFile(filepath.Join(p.root, name))
	if err != nil {
		return "none"
	}
	return string(text)
}

func (p *place) environ() []string {
	if p.path == "" {
		return os.Environ()
	}
	return append(os.Environ(), "PATH="+p.path)
}

// do runs a task unless its result is known, and returns what was done: "up to date",
// "restored", or why it ran, with why its result was not kept.
func (p *place) do(id, script string, upstream ...string) string {
	p.t.Helper()
	t := taskOf(id, script, upstream)
	t.Installed, t.Path = p.installed, p.path
	hit, reason, err := p.r.Look(p.t.Context(), t)
	switch {
	case err != nil:
		p.t.Fatal(err)
	case hit != nil && hit.Written == 0:
		return "up to date"
	case hit != nil:
		return "restored"
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		p.t.Fatal(err)
	}
	w, program, words, err := p.eyes.Command(sh, []string{"sh", "-ec", script}, 3)
	if err != nil {
		p.t.Fatal(err)
	}
	c := &exec.Cmd{Path: program, Args: words, Dir: p.root, Env: p.environ(), ExtraFiles: []*os.File{w.File()}}
	out, failed := c.CombinedOutput()
	w.Started()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	seen, err := w.Finish(ctx)
	if err != nil || failed != nil {
		p.t.Fatalf("%v, %v\n%s", err, failed, out)
	}
	kept := p.r.Keep(ctx, t, Attempt{Observation: seen, Ended: time.Now(), Log: bytes.NewReader(out)}, false)
	if kept.not != "" {
		reason += "; not kept: " + kept.not
	}
	return reason
}

func taskOf(id, script string, upstream []string) *Task {
	t := &Task{ID: id, Parts: map[string]string{"script": script}, Upstream: map[string]bool{}, Variables: os.LookupEnv}
	for _, u := range upstream {
		t.Upstream[u] = true
	}
	return t
}

// forecast is one of what a run would find now.
func (p *place) forecast() (f *Forecast, done func()) {
	p.t.Helper()
	r, err := Open(p.root, filepath.Join(p.root, "home"))
	if err != nil {
		p.t.Fatal(err)
	}
	r.temps = nil
	r.LookOnly()
	return r.Forecast(), func() { _ = r.Close() }
}
