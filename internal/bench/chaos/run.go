//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Run carries out plans until the time is over. It returns an error if something that
// must hold did not, after a report with the seeds.
func Run(ctx context.Context, o Options) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	var total summary
	for end := time.Now().Add(o.Time); ctx.Err() == nil; o.Seed++ {
		if o.Plans > 0 && len(total.results) >= o.Plans || o.Plans == 0 && time.Now().After(end) {
			break
		}
		p := draw(o.Seed)
		if o.Machine {
			p = p.inMachine()
		}
		p = p.without(o.Without)
		dir := filepath.Join(o.Dir, fmt.Sprintf("seed-%d", p.seed))
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
			return err
		}
		r, err := p.carry(ctx, o, program, dir)
		if err != nil {
			return fmt.Errorf("seed %d: %w", p.seed, err)
		}
		total.results = append(total.results, r)
		fmt.Fprintln(o.Out, r.line())
		if len(r.broken) == 0 {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	fmt.Fprint(o.Out, total.report())
	if broken := total.broken(); broken > 0 {
		return fmt.Errorf("something that must hold did not in %d of %d plans; their workspaces and logs are in %s", broken, len(total.results), o.Dir)
	}
	return ctx.Err()
}

// line is the result of one plan.
func (r *result) line() string {
	parts := []string{fmt.Sprintf("seed %d: %v: %.1fs", r.plan.seed, r.plan, r.took.Seconds())}
	if r.kills > 0 {
		parts[0] += fmt.Sprintf(", %d kernel kills", r.kills)
	}
	return strings.Join(append(parts, r.broken...), "\n  BROKEN: ")
}

// summary is what all plans came to.
type summary struct{ results []result }

func (s summary) broken() (n int) {
	for _, r := range s.results {
		if len(r.broken) > 0 {
			n++
		}
	}
	return n
}

// report counts builds and faults, and lists the seeds of what broke.
func (s summary) report() string {
	var text strings.Builder
	builds, tasks, done := 0, 0, map[Kind]int{}
	slow, fast, killed := 0, 0, []memtools.Bytes{}
	for _, r := range s.results {
		for _, b := range r.plan.builds {
			builds++
			tasks += len(b.tasks)
		}
		for kind, n := range r.done {
			done[kind] += n
		}
		if r.safe {
			slow++
		} else {
			fast++
			if r.kills > 0 {
				killed = append(killed, r.plan.rate())
			}
		}
	}
	fmt.Fprintf(&text, "\n%d plans, %d builds, %d tasks\nfaults that came to pass:", len(s.results), builds, tasks)
	for _, kind := range slices.Sorted(maps.Keys(done)) {
		fmt.Fprintf(&text, " %s %d", kind, done[kind])
	}
	fmt.Fprintf(&text, "\nno kernel kill allowed in %d plans; allowed in %d, of which %d had one", slow, fast, len(killed))
	if len(killed) > 0 {
		fmt.Fprintf(&text, ", at %d MB/s or more", slices.Min(killed)/memtools.MB)
	}
	text.WriteByte('\n')
	for _, r := range s.results {
		for _, what := range r.broken {
			fmt.Fprintf(&text, "broken, seed %d: %s\n", r.plan.seed, what)
		}
	}
	return text.String()
}
