package sighting

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/internal/testkit"
	"github.com/heapmage/heapmage/internal/workspace"
)

// sights starts a command in a workspace, and looks at it until it has ended. Its tasks wait for a
// file that has the name of their last argument: it is there once their unit was seen. It returns
// the units, as text.
func sights(t *testing.T, root string, command ...string) (found []string) {
	t.Helper()
	w, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(command[0], command[1:]...)
	c.Dir = root
	held := t.TempDir()
	c.Env = append(os.Environ(), "HELD="+held, "CI=1")
	out, err := os.Create(filepath.Join(held, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	watcher, err := New(c.Process.Pid, w, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watcher.Close() }()
	lives := map[proctable.Identity]Unit{}
	deadline := time.After(2 * time.Minute)
	for {
		s, err := watcher.Look(time.Now(), nil, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range s.Began {
			if _, twice := lives[u.Leader]; twice {
				t.Errorf("%+v began twice", u)
			}
			lives[u.Leader] = u
			found = append(found, text(u))
			for _, word := range strings.Fields(u.Command) {
				testkit.Write(t, held, strings.TrimSuffix(path.Base(word), ";"), "")
			}
		}
		for _, u := range append(s.Ended, s.Divided...) {
			if lives[u.Leader] != u {
				t.Errorf("%+v ended, and had not begun", u)
			}
			delete(lives, u.Leader)
		}
		for _, u := range s.Divided {
			found = append(found, "divided: "+text(u))
		}
		select {
		case err := <-ended:
			printed, _ := os.ReadFile(out.Name())
			if err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			if len(lives) > 0 {
				if s, err = watcher.Look(time.Now(), nil, false); err != nil || len(s.Ended) != len(lives) {
					t.Errorf("left at the end: %v", slices.Collect(maps.Values(lives)))
				}
			}
			slices.Sort(found)
			return found
		case <-deadline:
			_ = c.Process.Kill()
			err := <-ended
			printed, _ := os.ReadFile(out.Name())
			t.Fatalf("%v; found only %q\n%s", err, found, printed)
		case <-watcher.Woken():
		case <-time.After(s.Next):
		}
	}
}

func text(u Unit) string {
	s := u.Folder + ": " + u.Command
	if u.Script != "" {
		s += fmt.Sprintf(" (%s#%s)", u.Package, u.Script)
	}
	if u.Part {
		s += " in part"
	}
	return s
}

// held is a script that waits until its unit was seen.
const held = `const { existsSync } = require('fs'), file = process.env.HELD + '/' + process.argv.at(-1)
setInterval(() => existsSync(file) && process.exit(), 5)
`

func project(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		testkit.UnlessCI(t, "there is no node")
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	testkit.Write(t, root, "package.json", `{"name": "root", "private": true, "workspaces": ["packages/*"]}`)
	testkit.Write(t, root, "work.cjs", held)
	for _, p := range []string{"api", "core", "web"} {
		testkit.Write(t, root, "packages/"+p+"/package.json", `{"name": "`+p+`", "version": "1.0.0", "scripts": {"build": "node ../../work.cjs `+p+`"}}`)
	}
	return root
}

// check runs a command twice: what is found is the same each time.
func check(t *testing.T, root string, want []string, command ...string) {
	t.Helper()
	checkOnce(t, root, want, command...)
	checkOnce(t, root, want, command...)
}

func checkOnce(t *testing.T, root string, want []string, command ...string) {
	t.Helper()
	if found := sights(t, root, command...); !slices.Equal(found, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
}

func TestMake(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		testkit.UnlessCI(t, "there is no make")
	}
	root := project(t)
	testkit.Write(t, root, "Makefile", `all: core a b sub
core:
	cd packages/core && node ../../work.cjs core
a b:
	node work.cjs $@
sub:
	$(MAKE) -C packages/web -f ../../Makefile web
web:
	TOKEN=1 node ../../work.cjs web
`)
	check(t, root, []string{".: node work.cjs a", ".: node work.cjs b", "packages/core: node ../../work.cjs core (core#build)", "packages/web: node ../../work.cjs web (web#build)"}, "make", "-j4")
}

func TestOwnRunner(t *testing.T) {
	root := project(t)
	testkit.Write(t, root, "all.cjs", `const { spawn } = require('child_process')
for (const p of ['api', 'core', 'web']) spawn('node', ['../../work.cjs', p], {cwd: 'packages/' + p, stdio: 'inherit'})
`)
	check(t, root, append([]string{".: node all.cjs", "divided: .: node all.cjs"}, builds...), "node", "all.cjs")
}

// BenchmarkLook looks at make with eight tasks of two processes each, in which nothing happens.
// The figure is processor time: at 20 looks a second, 250 µs are 0.5 % of a core.
func BenchmarkLook(b *testing.B) {
	root := b.TempDir()
	testkit.Write(b, root, "package.json", `{"name": "root"}`)
	testkit.Write(b, root, "Makefile", "all: a b c d e f g h\na b c d e f g h:\n\tsleep 1000; true\n")
	w, err := workspace.Load(root)
	if err != nil {
		b.Fatal(err)
	}
	c := exec.Command("make", "-j8")
	c.Dir = root
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
	}()
	watcher, err := New(c.Process.Pid, w, "/nowhere/sh")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = watcher.Close() }()
	now, units := time.Now(), 0
	look := func() {
		s, err := watcher.Look(now, nil, false)
		if err != nil {
			b.Fatal(err)
		}
		units += len(s.Began)
		now = now.Add(s.Next)
	}
	for units < 8 {
		look()
		time.Sleep(time.Millisecond)
	}
	for range 100 {
		look()
	}
	before := processorTime(b)
	for b.Loop() {
		look()
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
