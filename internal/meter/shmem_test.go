package meter

import (
	"testing"

	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

// TestShmem: memory that no process maps belongs to a task only with evidence.
func TestShmem(t *testing.T) {
	const mb = memtools.MB
	type tasks = map[string]memtools.Tree
	type sizes = map[string]memtools.Bytes
	open := sizes{}
	// Each task has one file, which is not on the disk: once closed, it is gone.
	begin := func(limited bool) *shmem {
		s := newShmem()
		clear(open)
		s.limited, s.open = limited, func(tree memtools.Tree) map[proctable.ShmemFile]int64 {
			if size := open[tree.Processes[0].Command]; size > 0 {
				return map[proctable.ShmemFile]int64{{}: int64(size)}
			}
			return nil
		}
		return s
	}
	of := func(ids ...string) tasks {
		all := tasks{}
		for _, id := range ids {
			all[id] = memtools.Tree{Usage: 5 * mb, Processes: []memtools.Process{{Command: id}}}
		}
		return all
	}
	want := func(t *testing.T, s *shmem, want sizes) {
		t.Helper()
		for _, id := range []string{"a", "b"} {
			if s.of[id] != want[id] {
				t.Errorf("%s holds %v, want %v", id, s.of[id], want[id])
			}
		}
	}
	t.Run("what came while a task alone ran is its own", func(t *testing.T) {
		s := begin(true)
		s.note(0, of("a"))
		s.note(500*mb, of("a"))
		want(t, s, sizes{"a": 500 * mb})
		s.note(0, of("a"))
		want(t, s, nil)
		if peak := s.end("a"); peak != 505*mb {
			t.Errorf("peak %v", peak)
		}
	})
	t.Run("what came while a task alone began is its own", func(t *testing.T) {
		s := begin(true)
		s.note(0, of())
		s.note(500*mb, of("a"))
		want(t, s, sizes{"a": 500 * mb})
	})
	t.Run("without a limit of ours, other programs may have made it", func(t *testing.T) {
		s := begin(false)
		s.note(0, of("a"))
		s.note(500*mb, of("a"))
		want(t, s, nil)
		if peak := s.end("a"); peak != 0 {
			t.Errorf("peak %v", peak)
		}
	})
	t.Run("what several made is nobody's", func(t *testing.T) {
		s := begin(true)
		s.note(0, of("a", "b"))
		s.note(500*mb, of("a", "b"))
		want(t, s, nil)
		s.note(500*mb, of("b")) // a has ended, and may have left it
		want(t, s, nil)
		s.note(600*mb, of("b"))
		want(t, s, sizes{"b": 100 * mb})
	})
	t.Run("an open file is its task's, until it is gone", func(t *testing.T) {
		s := begin(false)
		open["a"], open["b"] = 300*mb, 100*mb
		s.note(400*mb, of("a", "b"))
		want(t, s, sizes{"a": 300 * mb, "b": 100 * mb})
		open["a"], s.took = 0, 0
		s.note(100*mb, of("a", "b"))
		want(t, s, sizes{"b": 100 * mb})
		if a, b := s.end("a"), s.end("b"); a != 305*mb || b != 105*mb {
			t.Errorf("peaks %v and %v", a, b)
		}
	})
	t.Run("an open file that was there before, or is mapped, counts no more than what came", func(t *testing.T) {
		s := begin(false)
		open["a"] = 300 * mb
		s.note(40*mb, of("a", "b"))
		want(t, s, sizes{"a": 40 * mb})
		s = begin(false)
		open["a"] = 300 * mb
		mapped := of("a", "b")
		mapped["a"] = memtools.Tree{Usage: 290 * mb, Shared: 280 * mb, Processes: mapped["a"].Processes}
		s.note(40*mb, mapped)
		want(t, s, sizes{"a": 20 * mb})
	})
	t.Run("what a task leaves behind is the run's", func(t *testing.T) {
		s := begin(true)
		s.note(0, of("a"))
		s.note(500*mb, of("a"))
		s.end("a")
		s.note(500*mb, of("b"))
		s.note(500*mb, of("b"))
		want(t, s, nil)
		if s.unknown() != 500*mb {
			t.Errorf("%v is unknown", s.unknown())
		}
	})
}
