package whatif

import (
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/memtools"
)

// Of asks about a recorded run. Tasks that did not run, because of a failure or because their
// results were known, are not simulated; of others only the last attempt is.
func Of(t *timeline.Timeline) []Answer { return ask(recorded(t)) }

// recorded is a recorded run.
func recorded(t *timeline.Timeline) (tasks []ran, m machine) {
	for _, task := range t.Tasks {
		end := task.Result()
		if end == nil {
			continue
		}
		last := task.Attempts[len(task.Attempts)-1]
		tasks = append(tasks, ran{
			ID: task.ID, After: task.After, Need: last.Need,
			Guessed: last.Basis == event.FromNothing || last.Basis == event.FromSimilar, Unknown: last.Basis == event.FromNothing,
			Peak: end.Peak, Start: last.Start.Sub(t.Start), Duration: end.Duration - end.Frozen, CPU: end.CPU,
		})
	}
	return tasks, machine{CPUs: t.Run.CPUs, Budget: t.Run.Budget, Own: own(t.Samples), Concurrency: t.Run.Concurrency}
}

// own is what a run used at least beside its tasks.
func own(samples []timeline.Sample) (least memtools.Bytes) {
	for i, s := range samples {
		rest := s.Usage
		for _, share := range s.Tasks {
			rest -= share.Usage
		}
		if i == 0 || rest < least {
			least = rest
		}
	}
	return max(0, least)
}
