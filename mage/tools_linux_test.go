package mage_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// TestTools edits a workspace of real tools at random. After each edit a build with kept
// results leaves what one from nothing leaves, and runs no task for which all is as it was
// in an earlier build, by what strace saw of it. TOOLS_EDITS is how many edits it makes, and
// TOOLS_SEED which.
func TestTools(t *testing.T) {
	if testing.Short() {
		t.Skip("installs and starts real tools; left out with -short")
	}
	testkit.NeedsNode(t)
	for _, tool := range []string{"strace", "git", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			testkit.UnlessCI(t, "there is no "+tool)
		}
	}
	edits, seed := number(t, "TOOLS_EDITS", 4), number(t, "TOOLS_SEED", 1)
	w := newTooled(t, uint64(seed))
	t.Logf("TOOLS_SEED=%d", seed)
	w.build()
	w.build()
	for range edits {
		w.edit()
		w.build()
		if t.Failed() {
			t.Fatalf("TOOLS_SEED=%d\n%s", seed, strings.Join(w.history, "\n"))
		}
	}
	t.Logf("%d edits; tasks: %d ran, %d were known; clean builds: %d tasks", edits, w.ran, w.known, w.cleaned)
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// earlier is a build of a task from nothing.
type earlier struct {
	fixed string // what it depends on beside files
	met   looks
	state string // of what it met, before it ran
	left  string // a folder with what it left
	kept  bool   // heapmage had that result as well
}

// tooled is a workspace of real tools, and what is known of it without heapmage.
type tooled struct {
	*testing.T
	random    *rand.Rand
	home      string
	root      string // of the workspace; also while it is built from nothing
	mode      string // the value of MODE, which a source names
	unnamed   string // that of UNNAMED, which nothing names
	tiny      string // the version that is installed
	node      string // the folder of another Node; empty stands for that of PATH
	scripts   map[string]string
	described map[string]string
	builds    map[string][]*earlier // by package
	history   []string
	round     int

	ran, known, cleaned int
}

func newTooled(t *testing.T, seed uint64) *tooled {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &tooled{T: t, random: rand.New(rand.NewPCG(seed, 0)), home: home, root: filepath.Join(home, "ws"), tiny: "1.0.0",
		scripts: map[string]string{}, described: map[string]string{}, builds: map[string][]*earlier{}}
	for _, m := range members {
		w.scripts[m.name] = m.script
	}
	w.sh(home, "cp -a --reflink=auto "+installedTools(t)+" ws")
	w.sh(w.root, "git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x")
	return w
}

func (w *tooled) sh(dir, text string) {
	w.Helper()
	c := exec.Command("sh", "-ec", text)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		w.Fatalf("%s: %v\n%s\n%s", text, err, out, strings.Join(w.history, "\n"))
	}
}

// environment is that of heapmage and of a build from nothing. Only the first has UNNAMED.
func (w *tooled) environment() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "NO_COLOR=1"}
	if w.node != "" {
		env[0] = "PATH=" + w.node + ":" + os.Getenv("PATH")
	}
	if w.mode != "" {
		env = append(env, "MODE="+w.mode)
	}
	return env
}

// build builds with heapmage and from nothing, and compares.
func (w *tooled) build() {
	w.Helper()
	w.round++
	// Both are at one path, as a tool may write it.
	w.sh(w.home, `rm -rf clean; mkdir clean; cp -al ws/node_modules clean
for f in ws/* ws/.[!.]*; do case $f in ws/node_modules|ws/.heapmage) ;; *) cp -a "$f" clean;; esac; done
rm -rf clean/packages/*/dist; mv ws aside; mv clean ws`)
	validate := w.round%5 == 0 // nothing that is known is used
	need, now := map[string]bool{}, map[string]*earlier{}
	for _, m := range members {
		now[m.name] = w.clean(m, validate)
		need[m.name] = !now[m.name].kept
	}
	w.sh(w.home, "mv ws clean; mv aside ws")
	c := exec.Command(binary, "build")
	c.Dir, c.Env = w.root, append(w.environment(), "UNNAMED="+w.unnamed)
	out, err := c.CombinedOutput()
	log := string(out)
	w.history = append(w.history, indented(log))
	if err != nil {
		w.Errorf("the build failed: %v\n%s", err, log)
		return
	}
	if strings.Contains(log, "not kept") {
		w.Errorf("a result was not kept:\n%s", log)
	}
	for _, m := range members {
		switch ran := strings.Contains(log, "Building package: "+m.name+"...\n"); {
		case !ran:
			w.known++
		case need[m.name]:
			w.ran++
		default:
			w.ran++
			w.Errorf("%s ran needlessly", m.name)
		}
		now[m.name].kept = true
		w.compare(m)
	}
}

func indented(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "package: ") || strings.Contains(line, "🔍") || strings.Contains(line, "❌") {
			kept = append(kept, "    "+strings.TrimSpace(line))
		}
	}
	return strings.Join(kept, "\n")
}

// clean is the build of a package from nothing, or an earlier one of the same.
func (w *tooled) clean(m member, validate bool) *earlier {
	w.Helper()
	dir := "packages/" + m.name
	dist := filepath.Join(w.root, dir, "dist")
	fixed := w.scripts[m.name] + "\n" + w.node
	if m.name == "plain" {
		fixed += "\n" + w.mode
	}
	var same *earlier
	for _, b := range w.builds[m.name] {
		if b.fixed == fixed && b.met.now(w.root, dir+"/dist") == b.state {
			same = b
			break
		}
	}
	if same != nil && !validate {
		w.sh(w.home, "cp -a "+same.left+" "+dist)
		return same
	}
	w.cleaned++
	bin := filepath.Join(w.root, dir, "node_modules/.bin") + ":" + filepath.Join(w.root, "node_modules/.bin")
	env := append([]string{"npm_lifecycle_event=build"}, w.environment()...)
	for i, entry := range env {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			env[i] = "PATH=" + bin + ":" + path
		}
	}
	before := filepath.Join(w.home, "before")
	w.sh(w.home, "rm -rf "+before+"; cp -al "+w.root+" "+before)
	met, err := traced(w.T, w.root, dir, w.scripts[m.name], env)
	if err != nil {
		w.Fatalf("%s fails from nothing: %v\n%s", m.name, err, strings.Join(w.history, "\n"))
	}
	state := met.now(before, dir+"/dist")
	if same != nil {
		if want, got := treeOf(w.T, same.left), treeOf(w.T, dist); want != got {
			w.Fatalf("strace did not see all that %s depends on: it left\n%s\nand now\n%s", m.name, want, got)
		}
		return same
	}
	b := &earlier{fixed: fixed, met: met, state: state, left: filepath.Join(w.home, fmt.Sprintf("left-%s-%d", m.name, len(w.builds[m.name])))}
	w.sh(w.home, "cp -a "+dist+" "+b.left)
	w.builds[m.name] = append(w.builds[m.name], b)
	return b
}

// compare compares what a package's build left with what one from nothing leaves.
func (w *tooled) compare(m member) {
	w.Helper()
	dist := "packages/" + m.name + "/dist"
	want, got := treeOf(w.T, filepath.Join(w.home, "clean", dist)), treeOf(w.T, filepath.Join(w.root, dist))
	if !m.inPlace {
		if want != got {
			w.Errorf("%s left\n%s\nwant\n%s", m.name, got, want)
		}
		return
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(got, line) && !strings.HasPrefix(line, ".tsbuildinfo") {
			w.Errorf("%s left\n%s\nwithout\n%s", m.name, got, line)
		}
	}
}

// treeOf describes what is in a folder.
func treeOf(t *testing.T, top string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := []byte(nil)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			text = []byte(target)
		case info.Mode().IsRegular():
			if text, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		fmt.Fprintf(&b, "%s %v %q\n", rel, info.Mode(), text)
		return nil
	})
	if err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	}
	return b.String()
}
