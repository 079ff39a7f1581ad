package budget

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
)

// bound is a kind of thing that bounds memory.
type bound int

const (
	machine   bound = iota
	container       // a cgroup that is not systemd's
	unit            // one of systemd
	setting         // budget: or HEAPMAGE_BUDGET
	managed         // what build:managed uses unless told otherwise
	grant           // an outer run, of which this one is a part of a task
)

// Source is what sets the most that a run may use, and with that what to change if it is too
// little.
type Source struct {
	bound bound
	name  string         // of the setting or of systemd's unit
	size  memtools.Bytes // of the memory, or what is set
	soft  bool           // the cgroup's memory.high, not its limit
	// configured is the setting as it is written.
	configured string
	// within is what bounds the setting itself; nil if nothing does.
	within *Source
	text   string
}

// String is the source in the log: "budget: 3GB", "4GB less a reserve of 204.8MB, the
// machine's memory".
func (s Source) String() string { return s.text }

// Of the memory that the limits leave, sourceOf tells what sets it.
func sourceOf(l memtools.Limits) Source {
	s := Source{bound: machine, size: l.Effective, text: l.EffectiveSource}
	of := func(c memtools.Cgroup) bool { return c.Limit == l.Effective }
	switch {
	case l.Soft > 0 && l.Soft < l.Effective:
		s.size, s.soft, s.text = l.Soft, true, l.SoftSource // the kernel slows everything down beyond it
		of = func(c memtools.Cgroup) bool { return c.Soft == l.Soft }
	case l.Effective >= l.Machine:
		return s
	}
	if i := slices.IndexFunc(l.Cgroups, of); i >= 0 {
		s.bound, s.name = kindOf(l.Cgroups[i].Path)
	} else {
		s.bound = container
	}
	return s
}

// kindOf tells what made a cgroup. systemd's have names such as user-1000.slice; those of
// containers may be inside of one.
func kindOf(group string) (kind bound, name string) {
	for _, engine := range []string{"docker", "libpod", "kube", "containerd", "crio", "machine.slice", "lxc"} {
		if strings.Contains(group, engine) {
			return container, ""
		}
	}
	name = path.Base(group)
	for _, suffix := range []string{".slice", ".scope", ".service"} {
		if strings.HasSuffix(name, suffix) {
			return unit, name
		}
	}
	return container, ""
}

// Granted is the source of what an outer run gave.
func Granted(size memtools.Bytes) Source {
	return Source{bound: grant, size: size, text: fmt.Sprintf("the run around this one gave it %s", figure(size))}
}

// allows tells how much there is: "the container allows 700MB".
func (s Source) allows() string {
	switch s.bound {
	case machine:
		return "the machine has " + figure(s.size)
	case container:
		return s.of() + " allows " + figure(s.size)
	case unit:
		return s.of() + " allows " + figure(s.size)
	case setting:
		return s.name + " is " + s.configured
	case managed:
		return "build:managed uses " + figure(s.size)
	case grant:
	}
	return s.text
}

// of names the memory.
func (s Source) of() string {
	text := "the machine"
	switch {
	case s.bound == unit:
		text = "systemd's " + s.name
	case s.bound == container:
		text = "the container"
	}
	if s.soft {
		text = "memory.high of " + text
	}
	return text
}

// raise tells what to change so that the run may use need. It is empty if that is possible
// already.
func (s Source) raise(need memtools.Bytes) string {
	from := need
	switch s.bound {
	case machine, container, unit:
		from = withReserve(need)
	case setting, managed, grant:
	}
	if from <= s.size {
		return ""
	}
	least := figure(roundUp(from))
	switch s.bound {
	case machine:
		return fmt.Sprintf("use a machine with at least %s of memory instead of %s", least, figure(s.size))
	case container, unit:
		limit := s.of() + "'s limit"
		if s.soft {
			limit = s.of()
		}
		return fmt.Sprintf("raise %s from %s to at least %s", limit, figure(s.size), least)
	case setting:
		return s.beyond(need, fmt.Sprintf("raise %s from %s to at least %s", s.name, s.configured, least))
	case managed:
		return s.beyond(need, fmt.Sprintf("set budget: in heapmage.yaml to at least %s, as build:managed uses %s unless it is set", least, figure(s.size)))
	case grant:
	}
	return fmt.Sprintf("in the run around this one, set need: of the package that starts it to at least %s, instead of %s", least, figure(s.size))
}

// beyond adds what else has to change if the memory itself is too small.
func (s Source) beyond(need memtools.Bytes, advice string) string {
	if s.within != nil {
		if more := s.within.raise(need); more != "" {
			advice += ", and " + more
		}
	}
	return advice
}

// withReserve is how much memory it takes so that the budget is need.
func withReserve(need memtools.Bytes) memtools.Bytes {
	total := need
	for range 20 { // the reserve grows by far less than the total
		total = need + min(reserve(total), total/2)
	}
	return total
}

// roundUp rounds up to a figure that people would set: to tens of MB, from 1 GB on to tenths of
// a GB, from 10 GB on to whole ones.
func roundUp(b memtools.Bytes) memtools.Bytes {
	unit, parts := 10*memtools.MB, memtools.Bytes(1)
	switch {
	case b > 10*memtools.GB:
		unit = memtools.GB
	case b > 1000*memtools.MB:
		unit, parts = memtools.GB, 10
	}
	n := (b*parts + unit - 1) / unit
	return (n*unit + parts - 1) / parts
}

// figure is a size as people set it: 1500MB, not 1.46GB.
func figure(b memtools.Bytes) string {
	short := b.Short()
	if same, err := memtools.ParseBytes(short); err == nil && same == b || b%memtools.MB != 0 || b > 10*memtools.GB {
		return short
	}
	return fmt.Sprintf("%dMB", b/memtools.MB)
}

// Setting is a configured budget, zero if there is none, and where it is set.
type Setting struct {
	Size memtools.Size
	// Variable is set if it is in the environment.
	Variable bool
}

// name is what the setting is called where it is.
func (s Setting) name() string {
	if s.Variable {
		return environ.Budget
	}
	return "budget: in heapmage.yaml"
}

// String is the setting as it is written.
func (s Setting) String() string {
	if s.Variable {
		return environ.Budget + "=" + s.Size.String()
	}
	return "budget: " + s.Size.String()
}
