package cache

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTurns(t *testing.T) {
	w := newWorld(t)
	other := openWorld(t, w.dir) // as another process
	begin := func(s *Store, task string) *Turn {
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
	a, elsewhere := begin(w.Store, "a"), begin(other.Store, "b")
	want(a, true)
	want(elsewhere, true)
	second := begin(other.Store, "a")
	want(a, false)
	want(second, false)
	a.End()
	third := begin(w.Store, "a") // the second one is still there
	want(third, false)
	second.End()
	want(third, false)
	third.End()
	want(begin(w.Store, "a"), true) // that one is never ended, as if it was killed
	w.Close()
	other.Close()
	if len(w.cached(turns)) != 2 {
		t.Errorf("turns are left: %v", w.cached(turns))
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
func TestTurnsOfACacheThatWasMoved(t *testing.T) {
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
		t.Errorf("left where the cache is now: %v, %v", left, err)
	}
}

// What a killed process left does no harm, and goes.
func TestKilledTurn(t *testing.T) {
	w := newWorld(t)
	killed, err := w.Begin("a")
	if err != nil {
		t.Fatal(err)
	}
	w.file(".heapmage/cache/running/"+killed.name+metSuffix, "")
	killed.unlock()
	killed.unlock = nil
	turn, err := w.Begin("a")
	if err != nil || !turn.Alone() {
		t.Fatal(err)
	}
	turn.End()
	if left := w.cached(turns); len(left) != 1 || !strings.HasPrefix(left[0], idlePrefix) {
		t.Errorf("%v is left for the next turn", left)
	}
	again, err := w.Begin("b")
	if left := w.cached(turns); err != nil || !again.Alone() || len(left) != 1 {
		t.Errorf("the next turn has another file: %v, %v", err, left)
	}
	again.End()
	w.file(".heapmage/cache/running/"+idlePrefix+"killed", "")
	other := openWorld(t, w.dir)
	once, err := other.Begin("c")
	if err != nil {
		t.Fatal(err)
	}
	once.End()
	other.Close()
	w.Close()
	if left := w.cached(turns); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// What was used when the clock was ahead goes first, and not only once the time has come.
func TestUsedInTheFuture(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", "a")
	future := w.put("future")
	w.put("later")
	ahead := time.Now().Add(10 * 365 * 24 * time.Hour)
	if err := os.Chtimes(w.entryPath(future), ahead, ahead); err != nil {
		t.Fatal(err)
	}
	if !w.has("future") {
		t.Error("it is not found")
	}
	stats, err := w.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Prune(t.Context(), stats.Bytes-1); err != nil || w.has("future") || !w.has("later") {
		t.Errorf("%v: %v", err, w.cached(entries))
	}
}
