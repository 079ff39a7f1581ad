package reuse

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/observe"
	"github.com/heapmage/heapmage/internal/sharedcache"
	"github.com/heapmage/heapmage/internal/testkit"
)

const (
	sharedChecksVariable = "SHARED_CHECKS"
	usualSharedChecks    = 4
)

// clone is a workspace beside others that share a cache.
type clone struct {
	*place
	shared *sharedcache.Cache
}

// begin is the start of a run.
func (c *clone) begin(store objectstore.Store) {
	c.open()
	tier := sharedcache.Tier{Name: "trusted", Trust: envelope.Trust{Unsigned: true}}
	c.shared = sharedcache.Open(sharedcache.Options{Store: store, Local: c.r.Store(), Tell: func(string) {},
		Access: sharedcache.Access{Reads: []sharedcache.Tier{tier}, Writes: tier.Name}, Hide: []sharedcache.Hidden{{Text: c.root, What: "its path"}}})
	c.r.Share(c.shared)
}

// end is the end of a run.
func (c *clone) end() sharedcache.Done {
	c.t.Helper()
	done := c.shared.Close(c.t.Context())
	if err := c.r.Close(); err != nil {
		c.t.Fatal(err)
	}
	return done
}

// newClones makes clones of a workspace that share a folder.
func newClones(t *testing.T, n int) (clones []*clone, store objectstore.Store) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if store, err = objectstore.Open("file://"+filepath.ToSlash(filepath.Join(dir, "shared")), "", nil); err != nil {
		t.Fatal(err)
	}
	eyes := &observe.Observer{}
	t.Cleanup(eyes.Close)
	for i := range n {
		root := filepath.Join(dir, fmt.Sprint("clone", i))
		c := &clone{place: &place{t: t, root: root, home: filepath.Join(root, "home"), eyes: eyes}}
		c.write("src/x", "x\n")
		c.write(".gitignore", "o?\nhome\n.heapmage\n")
		c.sh("git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x")
		clones = append(clones, c)
	}
	return clones, store
}

// build builds a clone's one task.
func (c *clone) build(store objectstore.Store, script string) (string, sharedcache.Done) {
	c.begin(store)
	did := c.do("a#build", script)
	return did, c.end()
}

func TestASharedResultAmongFilesOfAnOlderOne(t *testing.T) {
	const script = "rm -rf o0; cp -r src o0"
	clones, store := newClones(t, 2)
	a, b := clones[0], clones[1]
	if did, done := a.build(store, script); done.Stored != 1 {
		t.Fatal(did, done)
	}
	b.write("o0/old", "of a build before heapmage was there")
	b.begin(store)
	b.r.LookOnly()
	if o := b.r.Forecast().Of(t.Context(), taskOf("a#build", script, nil)); o.State != Runs || !strings.Contains(o.Reason, "o0/old") {
		t.Errorf("foreseen as %+v", o)
	}
	b.end()
	if did, _ := b.build(store, script); !strings.Contains(did, "o0/old") {
		t.Errorf("it says %q", did)
	}
	if want, got := tree(a.root, "o0", false), tree(b.root, "o0", false); want != got {
		t.Errorf("left:\n%s\nwant:\n%s", got, want)
	}
}

// TestAResultThatWasFetchedAndNotUsed: another run may have fetched it a moment ago, or have been killed then.
func TestAResultThatWasFetchedAndNotUsed(t *testing.T) {
	const script = "mkdir -p o0; cat src/x >o0/main"
	clones, store := newClones(t, 2)
	a, b := clones[0], clones[1]
	if did, done := a.build(store, script); done.Stored != 1 {
		t.Fatal(did, done)
	}
	if did, _ := b.build(store, script); did != "restored" {
		t.Fatal(did)
	}
	b.sh("cd .heapmage/cache; rm -rf manifests recent last owners.json; rm -rf ../../o0")
	if did, done := b.build(store, script); did != "restored" || done.Fetched != 0 {
		t.Errorf("it was %s, %+v", did, done)
	}
}

func TestWhatASharedResultMayRemove(t *testing.T) {
	clones, _ := newClones(t, 1)
	c := clones[0]
	c.open()
	defer c.r.Close()
	task := taskOf("b#build", "true", []string{"a#build"})
	e := &cache.Entry{Task: "b#build", Data: cache.Data{Removed: []string{"o0/secret"}}}
	if why := c.r.astray(t.Context(), task, e); why == "" {
		t.Error("it may remove a file of the user's that Git ignores")
	}
	c.r.owners.Set("a#build", nil, map[string]fingerprint.State{"o0/secret": "content x"})
	c.r.owners.Meet("b#build", task.Upstream)
	if why := c.r.astray(t.Context(), task, e); why != "" {
		t.Errorf("it may not remove what a task before it made: %s", why)
	}
}

// TestSharedProperty: whatever clones of a workspace that share a cache have done before, a build in any
// of them leaves what a build from nothing leaves. The number of groups of clones is in SHARED_CHECKS.
func TestSharedProperty(t *testing.T) {
	checks := testkit.RapidChecks(t, sharedChecksVariable, usualSharedChecks)
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	runs, hits, fetched, stored := 0, 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(base, "") //nolint:usetesting // one for each check
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		store, err := objectstore.Open("file://"+filepath.ToSlash(filepath.Join(dir, "shared")), "", nil)
		if err != nil {
			rt.Fatal(err)
		}
		eyes := &observe.Observer{}
		defer eyes.Close()
		outside := filepath.Join(dir, "outside")
		all := jobs(rt, outside)
		var history []string
		for _, j := range all {
			history = append(history, fmt.Sprintf("  %s after %v: %s", j.id, j.after, j.script))
		}
		clones := make([]*clone, rapid.IntRange(2, 3).Draw(rt, "clones"))
		for i := range clones {
			// Paths of different depth and length.
			root := filepath.Join(dir, strings.Repeat("x/", i)+"ws")
			c := &clone{place: &place{t: rt, root: root, home: filepath.Join(root, "home"), eyes: eyes}}
			for name, text := range map[string]string{"src/x": "1 # one\n", "src/y": "2\n", "lib/x": "3\n", "config": "c\n", ".gitignore": "o?\n.env\nflag\nhome\n.heapmage\n"} {
				c.write(name, text)
			}
			c.sh("git init -q && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x")
			clones[i] = c
		}
		saved := filepath.Join(dir, "saved")
		shell := func(c *clone, text string) {
			s := exec.Command("sh", "-c", text)
			s.Dir = c.root
			_ = s.Run() // an edit may not be possible
		}
		for range rapid.IntRange(3, 8).Draw(rt, "builds") {
			i := rapid.IntRange(0, len(clones)-1).Draw(rt, "clone")
			c, other := clones[i], clones[rapid.IntRange(0, len(clones)-1).Draw(rt, "other")]
			history = append(history, fmt.Sprintf("in clone %d", i))
			for range rapid.IntRange(0, 3).Draw(rt, "edits") {
				var text string
				switch rapid.IntRange(0, 11).Draw(rt, "what") {
				case 0:
					text = "rm -rf " + saved + "; mkdir " + saved + "; cp -a src lib config " + saved
				case 1:
					text = "[ ! -d " + saved + " ] || { rm -rf src lib config; cp -a " + saved + "/. .; }"
				case 2, 3, 4: // what the other one has
					text = "rm -rf src lib config flag .env nothing; for f in src lib config flag .env nothing; do cp -a " + other.root + "/$f . 2>/dev/null; done"
				case 5:
					text = "rm -rf .heapmage"
				case 6:
					text = "rm -rf .heapmage o?"
				default:
					text = edit(rt, all, outside)
				}
				history = append(history, "edit: "+text)
				shell(c, text)
			}
			shell(c, "mkdir -p src lib; [ -e config ] || echo c >config")
			clean := filepath.Join(dir, "clean")
			s := exec.Command("sh", "-c", "rm -rf "+clean+"; mkdir "+clean+"; cp -a "+c.root+"/. "+clean+"; cd "+clean+"; rm -rf o? .heapmage home .git")
			if out, err := s.CombinedOutput(); err != nil {
				rt.Fatalf("%v\n%s", err, out)
			}
			c.begin(store)
			for _, j := range all {
				s := exec.Command("sh", "-ec", j.script)
				s.Dir = clean
				if out, err := s.CombinedOutput(); err != nil {
					rt.Skip("a task fails: " + j.script + string(out))
				}
				got := c.do(j.id, j.script, j.after...)
				history = append(history, fmt.Sprintf("  %s: %s", j.id, got))
				if got == "up to date" || got == "restored" {
					hits++
				} else {
					runs++
				}
			}
			done := c.end()
			fetched, stored = fetched+done.Fetched, stored+done.Stored
			history = append(history, fmt.Sprintf("  %d fetched, %d stored, %d could not be, %v", done.Fetched, done.Stored, done.Unstored, done.Withheld))
			compare(rt, all, clean, c.root)
			if rt.Failed() {
				rt.Fatal("\n" + strings.Join(history, "\n"))
			}
		}
	})
	t.Logf("%d runs, %d hits, %d of them fetched; %d stored", runs, hits, fetched, stored)
	if runs > 0 && fetched == 0 && checks >= usualSharedChecks { // with -short there may be none
		t.Error("nothing was fetched")
	}
}
