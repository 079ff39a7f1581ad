package turns

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/confined"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const folder = ".heapmage/cache/running"

// world is a workspace.
type world struct {
	t   testing.TB
	dir string
	*Turns
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return openWorld(t, t.TempDir())
}

func openWorld(t testing.TB, dir string) *world {
	t.Helper()
	return &world{t, dir, In(dir, folder)}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// file writes an empty file of the folder.
func (w *world) file(name string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(folder+"/"+name), nil, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// left are the names in the folder.
func (w *world) left() (names []string) {
	list, _ := os.ReadDir(w.path(folder))
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestTurns(t *testing.T) {
	w := newWorld(t)
	other := openWorld(t, w.dir) // as another process
	begin := func(s *Turns, task string) *Turn {
		t.Helper()
		turn, err := s.Begin(task)
		if err != nil {
			t.Fatal(err)
		}
		return turn
	}
	want := func(turn *Turn, alone bool) {
		t.Helper()
		if turn.Alone() != alone {
			t.Errorf("it is alone: %v", !alone)
		}
	}
	a, elsewhere := begin(w.Turns, "a"), begin(other.Turns, "b")
	want(a, true)
	want(elsewhere, true)
	second := begin(other.Turns, "a")
	want(a, false)
	want(second, false)
	a.End()
	third := begin(w.Turns, "a") // the second one is still there
	want(third, false)
	second.End()
	want(third, false)
	third.End()
	want(begin(w.Turns, "a"), true) // that one is never ended, as if it was killed
	w.Close()
	other.Close()
	if len(w.left()) != 2 {
		t.Errorf("turns are left: %v", w.left())
	}
	if err := os.RemoveAll(w.path(".heapmage")); err != nil {
		t.Fatal(err)
	}
	want(elsewhere, false)
	elsewhere.End()
}

// Two turns of a task of which each has begun before the other ends must both know, whenever that is.
func TestTurnsThatBeginTogether(t *testing.T) {
	w := newWorld(t)
	type inside struct{ met bool }
	var mu sync.Mutex
	there := map[*inside]bool{}
	var all sync.WaitGroup
	for range 4 { // as many processes
		other := openWorld(t, w.dir)
		all.Go(func() {
			defer other.Close()
			for range 100 {
				turn, err := other.Begin("a")
				if err != nil {
					t.Error(err)
					return
				}
				own := &inside{}
				mu.Lock()
				for o := range there {
					o.met, own.met = true, true
				}
				there[own] = true
				mu.Unlock()
				between, err := other.Begin("b") // takes as long as those of the others
				if err != nil {
					t.Error(err)
					return
				}
				between.End()
				mu.Lock()
				if own.met && turn.Alone() {
					t.Error("a turn has not met the one that was there")
				}
				delete(there, own)
				mu.Unlock()
				turn.End()
			}
		})
	}
	all.Wait()
	last, err := w.Begin("a")
	if err != nil || !last.Alone() {
		t.Errorf("after all have ended: %v", err)
	}
	last.End()
}

// The folder of turns stays open. It must not hide those that begin in a new one.
func TestTurnsOfAFolderThatWasMoved(t *testing.T) {
	w := newWorld(t)
	other := openWorld(t, w.dir)
	before, err := w.Begin("a")
	if err != nil {
		t.Fatal(err)
	}
	before.End()
	if err := os.Rename(w.path(".heapmage/cache"), w.path("moved")); err != nil {
		t.Fatal(err)
	}
	first, err := other.Begin("a")
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.Begin("a")
	if err != nil {
		t.Fatal(err)
	}
	if first.Alone() || second.Alone() {
		t.Errorf("one is alone: %v, %v", first.Alone(), second.Alone())
	}
	first.End()
	second.End()
	w.Close()
	other.Close()
	if left, err := filepath.Glob(w.path("moved/running/*")); len(left) > 0 || err != nil {
		t.Errorf("left where the folder is now: %v, %v", left, err)
	}
}

// What a killed process left does no harm, and goes.
func TestKilledTurn(t *testing.T) {
	w := newWorld(t)
	killed, err := w.Begin("a")
	if err != nil {
		t.Fatal(err)
	}
	w.file(killed.name + metSuffix)
	killed.unlock()
	killed.unlock = nil
	turn, err := w.Begin("a")
	if err != nil || !turn.Alone() {
		t.Fatal(err)
	}
	turn.End()
	if left := w.left(); len(left) != 1 || !strings.HasPrefix(left[0], idlePrefix) {
		t.Errorf("%v is left for the next turn", left)
	}
	again, err := w.Begin("b")
	if left := w.left(); err != nil || !again.Alone() || len(left) != 1 {
		t.Errorf("the next turn has another file: %v, %v", err, left)
	}
	again.End()
	w.file(idlePrefix + "killed")
	other := openWorld(t, w.dir)
	once, err := other.Begin("c")
	if err != nil {
		t.Fatal(err)
	}
	once.End()
	other.Close()
	w.Close()
	if left := w.left(); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// What Begin makes is ignored by Git.
func TestIgnored(t *testing.T) {
	w := newWorld(t)
	defer w.Close()
	turn, err := w.Begin("a")
	if err != nil {
		t.Fatal(err)
	}
	turn.End()
	if text, err := os.ReadFile(w.path(".heapmage/.gitignore")); string(text) != "*\n" {
		t.Errorf(".gitignore is %q: %v", text, err)
	}
}

// The folder may come with a repository.
func TestFolderThatIsALink(t *testing.T) {
	w := newWorld(t)
	defer w.Close()
	if err := os.MkdirAll(w.path(".heapmage/cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, w.path(folder)); err != nil {
		t.Skip("links cannot be made here:", err)
	}
	if turn, err := w.Begin("a"); turn != nil || !errors.Is(err, confined.ErrLink) {
		t.Errorf("%v, %v", turn, err)
	}
	if list, err := os.ReadDir(elsewhere); len(list) > 0 || err != nil {
		t.Errorf("written where the link leads: %v, %v", list, err)
	}
}

// Where nothing can be made, there is an error and no turn.
func TestFolderThatCannotBeMade(t *testing.T) {
	w := newWorld(t)
	if err := os.Remove(w.dir); err != nil {
		t.Fatal(err)
	}
	if turn, err := w.Begin("a"); turn != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", turn, err)
	}
}
