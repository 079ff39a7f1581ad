package rerun

import (
	"slices"
	"testing"

	"github.com/heapmage/heapmage/internal/filewatch"
)

func nothingDeclared(string) bool { return false }

func TestAuthors(t *testing.T) {
	// A run is what one file is after each write in it.
	type run []filewatch.Sum
	for _, tt := range []struct {
		claim string
		first filewatch.Sum // before the first run
		runs  []run
		due   []bool // after each run
	}{
		{"a file that is edited is due", 1, []run{{2}}, []bool{true}},
		{"a file that is edited and put back is not", 1, []run{{2, 1}}, []bool{false}},
		{"a file that comes and goes is not", 0, []run{{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6}}, []bool{false, false, false, false, false, true}},
		{"an output that is made anew is due once", 0, []run{{1}, {0, 1}, {0, 2}, {0, 3}}, []bool{true, false, false, false}},
		{"an output that is there is never due, once it is known", 1, []run{{1}, {1}, {2}, {3}}, []bool{false, false, false, false}},
		{"a file that is saved as it is and edited then is due", 1, []run{{1}, {2}}, []bool{false, true}},
		{"an output that always differs is due four times", 0, []run{{1}, {2}, {3}, {4}, {5}, {6}}, []bool{true, true, true, true, false, false}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			a, now := newAuthors(), tt.first
			for i, r := range tt.runs {
				for _, after := range r {
					a.during(filewatch.Change{Path: "f", Before: now, After: after})
					now = after
				}
				if changed, _ := a.ended(nothingDeclared); slices.Contains(changed, "f") != tt.due[i] {
					t.Errorf("after run %d it is due: %v", i+1, !tt.due[i])
				}
			}
		})
	}
	edit := filewatch.Change{Path: "f", Before: 1, After: 2}
	t.Run("ends a run for an edit, not for what is new, has gone or was written before", func(t *testing.T) {
		a := newAuthors()
		if !a.during(edit) || a.during(filewatch.Change{Path: "new", After: 1}) || a.during(filewatch.Change{Path: "gone", Before: 1}) {
			t.Error("an edit, and only that, ends the run")
		}
		if a.ended(nothingDeclared); a.during(edit) {
			t.Error("a file that was written in the last run may be an output")
		}
	})
	t.Run("forgets what it knew once a file changes while nothing runs", func(t *testing.T) {
		a := newAuthors()
		for range 2 {
			a.during(filewatch.Change{Path: "f", Before: 1, After: 1})
			a.ended(nothingDeclared)
		}
		if a.outside(filewatch.Change{Path: "f", Before: 1, After: 1}) || !a.outside(edit) {
			t.Error("a change is another content")
		}
		if !a.during(filewatch.Change{Path: "f", Before: 2, After: 3}) {
			t.Error("it is still taken for an output")
		}
	})
	t.Run("names an output once, and never one that is declared", func(t *testing.T) {
		a := newAuthors()
		count := 0
		for range 4 {
			a.during(filewatch.Change{Path: "f", Before: 1, After: 1})
			a.during(filewatch.Change{Path: "dist/f", Before: 1, After: 2})
			changed, learned := a.ended(func(name string) bool { return name == "dist/f" })
			if len(changed) > 0 || len(learned) > 0 && !slices.Equal(learned, []string{"f"}) {
				t.Error(changed, learned)
			}
			count += len(learned)
		}
		if count != 1 {
			t.Errorf("it was named %d times", count)
		}
	})
}
