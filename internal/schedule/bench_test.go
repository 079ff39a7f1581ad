package schedule

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/heapmage/heapmage/memtools"
)

// BenchmarkRun is what the scheduler itself costs in a run of 5,000 jobs that do
// nothing, a dozen at a time: given at once, arriving one by one, or found by probes.
func BenchmarkRun(b *testing.B) {
	const budget = 8 * memtools.GB
	var jobs []Job
	estimates := map[string]Estimate{}
	for _, t := range randomTasks(rand.New(rand.NewPCG(1, 1)), 5000, budget) {
		jobs = append(jobs, t.Job)
		estimates[t.ID] = t.Estimate
	}
	options := func() Options {
		return Options{CPUs: 12, Probes: 12, Memory: func() Memory { return Memory{Budget: budget, Available: budget} },
			Estimate: func(id string) Estimate { return estimates[id] }}
	}
	nothing := plain(func(context.Context, Grant) Outcome { return Outcome{} })
	b.Run("given", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Run(b.Context(), jobs, options(), nothing)
		}
	})
	b.Run("arriving", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			o := options()
			arrivals := make(chan Job)
			o.Arrivals = arrivals
			go func() {
				defer close(arrivals)
				for _, j := range jobs {
					arrivals <- j
				}
			}()
			Run(b.Context(), nil, o, nothing)
		}
	})
	b.Run("found", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			o := options()
			o.Probe = func(context.Context, string) (Outcome, bool) { return Outcome{}, true }
			Run(b.Context(), jobs, o, nothing)
		}
	})
}
