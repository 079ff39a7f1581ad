package rerun

import (
	"maps"
	"slices"

	"github.com/heapmage/heapmage/internal/filewatch"
)

// authors tells files that people change from those that the tasks write themselves, by what
// changes while tasks run. Nothing is lost by a mistake but the saving of a run: what a person
// writes counts, unless it is a file that was written in run after run.
type authors struct {
	score map[string]int // by path; none is zero
	met   map[string]net // in this run
}

// net is a file before a run and now.
type net struct{ before, now filewatch.Sum }

// A task writes its outputs in each run, and mostly as they were. People seldom do either. A
// file with enough points is an output, until it changes while nothing runs.
const (
	forSame   = 3
	forChange = 1
	enoughOf  = 4
)

func newAuthors() *authors { return &authors{score: map[string]int{}, met: map[string]net{}} }

// outside notes a change of a file that no task can have made, and reports whether it is one.
func (a *authors) outside(c filewatch.Change) bool {
	if c.Before == c.After {
		return false
	}
	delete(a.score, c.Path)
	return true
}

// during notes a change of a file that a task may have made. It reports whether the file is
// one that was edited: it was there before, and no task is known to write it.
func (a *authors) during(c filewatch.Change) (edited bool) {
	n, again := a.met[c.Path]
	if !again {
		n.before = c.Before
	}
	n.now = c.After
	a.met[c.Path] = n
	return a.score[c.Path] == 0 && n.before != 0 && n.now != 0 && n.before != n.now
}

// ended returns the files that have changed in the run that has ended, without those that are
// taken for outputs; and those of which that is so from now on. declared reports whether a
// file is declared to be one.
func (a *authors) ended(declared func(path string) bool) (changed, learned []string) {
	for _, name := range slices.Sorted(maps.Keys(a.met)) {
		n := a.met[name]
		if n.before == 0 && n.now == 0 || a.score[name] >= enoughOf || declared(name) {
			continue
		}
		points := forSame
		if n.before != n.now {
			points = forChange
			changed = append(changed, name)
		}
		if a.score[name] += points; a.score[name] >= enoughOf {
			learned = append(learned, name)
		}
	}
	a.met = map[string]net{}
	return changed, learned
}
