//go:build linux

package chaos

import (
	"fmt"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// expected is what a build must come to.
type expected struct {
	surely, maybe map[string]bool // tasks that succeed; those that may
	codes         []int           // exit codes
}

// expect returns what build i must come to with the faults that do not end it.
func (p plan) expect(i int) expected {
	b := p.builds[i]
	killed := map[string]bool{}
	for _, f := range p.faults {
		if f.build == i && f.kind == KillTask {
			killed[f.task] = true
		}
	}
	e := expected{surely: map[string]bool{}, maybe: map[string]bool{}, codes: []int{0}}
	huge, failing := false, false
	for _, t := range b.tasks { // a task comes after those that it depends on
		fits := t.exit == 0 && !t.huge
		e.maybe[t.name] = fits && all(t.after, e.maybe)
		e.surely[t.name] = fits && !killed[t.name] && all(t.after, e.surely)
		if runs := all(t.after, e.maybe); runs {
			huge, failing = huge || t.huge, failing || t.exit != 0
		}
	}
	switch {
	case huge:
		e.codes = []int{4}
	case failing:
		e.codes = []int{1}
	}
	if len(killed) > 0 { // it may not run at all, or be tried again
		e.codes = []int{0, 1, 4}
	}
	return e
}

// safe reports whether the kernel has no reason to kill anything: each task fits
// alone, and needs are known or memory grows no faster than rate. While heapmage is
// stopped it can correct nothing, so the needs have to be known.
func (p plan) safe(rate memtools.Bytes) bool {
	stopped := false
	for i, b := range p.builds {
		if slices.ContainsFunc(b.tasks, func(t task) bool { return t.huge }) {
			return false
		}
		stopped = stopped || p.has(i, Stop)
	}
	return p.known || !stopped && p.rate() <= rate
}

// peaceful is the plan without its faults.
func (p plan) peaceful() plan {
	p.faults = nil
	return p
}

func all(names []string, in map[string]bool) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !in[name] })
}

// check compares with what came of it, and returns what is wrong.
func (e expected) check(code int, built map[string]bool) (faults []string) {
	if !slices.Contains(e.codes, code) {
		faults = append(faults, fmt.Sprintf("exit code %d, want one of %v", code, e.codes))
	}
	var missing, unexpected []string
	whole := true
	for name, may := range e.maybe {
		whole = whole && built[name]
		if e.surely[name] && !built[name] {
			missing = append(missing, name)
		}
		if built[name] && !may {
			unexpected = append(unexpected, name)
		}
	}
	slices.Sort(missing)
	slices.Sort(unexpected)
	if len(missing) > 0 {
		faults = append(faults, "not built: "+strings.Join(missing, ", "))
	}
	if len(unexpected) > 0 {
		faults = append(faults, "built although it cannot be: "+strings.Join(unexpected, ", "))
	}
	if whole != (code == 0) {
		faults = append(faults, fmt.Sprintf("exit code %d, but everything is built: %v", code, whole))
	}
	return faults
}
