package otlp

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/timeline"
)

// The results of the conventions. An error is a failure of the machinery, as a lack of memory is.
const (
	succeeded = "success"
	failed    = "failure"
	errored   = "error"
	timedOut  = "timeout"
	cancelled = "cancellation"
)

func resultOf(s event.Status) string {
	switch s {
	case event.Succeeded:
		return succeeded
	case event.OutOfMemory:
		return errored
	case event.TimedOut:
		return timedOut
	case event.Stopped, event.Interrupted, event.Outdated:
		return cancelled
	default:
		return failed
	}
}

// names are those from which the IDs of a run are made.
func (r Run) names(more ...string) []string {
	return append([]string{r.Timeline.Run.Run, r.Timeline.Run.Root, strconv.FormatInt(r.Start.UnixNano(), 10)}, more...)
}

func (r Run) traceID() string {
	if r.Parent.TraceID != "" {
		return r.Parent.TraceID
	}
	return id(16, r.names()...)
}

func (r Run) attemptID(task string, attempt int) string {
	return id(8, r.names(task, strconv.Itoa(attempt))...)
}

func (r Run) spans() []span {
	all := []span{r.whole()}
	last := map[string]link{} // the last attempt of each task
	for _, t := range r.Tasks {
		if n := len(t.Attempts); n > 0 {
			last[t.ID] = link{all[0].TraceID, r.attemptID(t.ID, n)}
		}
	}
	for _, t := range r.Tasks {
		var links []link
		for _, id := range t.After {
			if l, ran := last[id]; ran && len(links) < mostLinks {
				links = append(links, l)
			}
		}
		for i, a := range t.Attempts {
			s := r.attempt(t, a, i+1)
			s.TraceID, s.ParentID, s.Links = all[0].TraceID, all[0].SpanID, links
			all = append(all, s)
		}
	}
	return all
}

// whole is the span of the run itself.
func (r Run) whole() span {
	run, totals := r.Timeline.Run, r.Totals
	action := "RUN"
	if run.Target == "build" {
		action = "BUILD"
	}
	s := span{
		TraceID: r.traceID(), SpanID: id(8, r.names("")...), ParentID: r.Parent.SpanID,
		Name: action + " " + run.Target, Kind: server, Start: nanos{r.Start}, End: nanos{r.End},
	}
	result := succeeded
	switch code := totals.ExitCode; {
	case !r.Ended || code > 128:
		result = cancelled
	case code == 1:
		result = failed
	case code != 0:
		result = errored
	}
	s.Attributes = append(outcome("cicd.pipeline.result", result),
		text("cicd.pipeline.name", run.Target), text("cicd.pipeline.run.id", run.Run), text("cicd.pipeline.action.name", action),
		integer("process.exit.code", totals.ExitCode), text("heapmage.mode", string(run.Mode)),
		integer("heapmage.memory.budget", run.Budget), integer("heapmage.memory.peak", totals.Peak),
		integer("heapmage.tasks.succeeded", totals.Succeeded), integer("heapmage.tasks.failed", totals.Failed),
		integer("heapmage.tasks.skipped", totals.Skipped), integer("heapmage.tasks.known", totals.Known),
		integer("heapmage.retries", totals.Retries), integer("heapmage.pauses", totals.Pauses))
	if result != succeeded {
		s.Status = &status{Code: failure, Message: totals.Reason}
	}
	for _, c := range r.Collections {
		m := moment{Time: nanos{c.From}, Name: "heapmage.gc", Attributes: []attribute{text("heapmage.gc.trigger", string(c.Trigger))}}
		if c.Result != nil {
			m.Attributes = append(m.Attributes, integer("heapmage.gc.freed", c.Result.Freed))
		}
		s.Events = append(s.Events, m)
	}
	for _, p := range r.Pressures {
		s.Events = append(s.Events, moment{Time: nanos{p.At}, Name: "heapmage.pressure", Attributes: []attribute{text("heapmage.pressure.level", p.Level.String()), integer("heapmage.memory.usage", p.Usage)}})
	}
	slices.SortStableFunc(s.Events, func(a, b moment) int { return a.Time.Compare(b.Time.Time) })
	s.Events = s.Events[:min(mostEvents, len(s.Events))]
	return s
}

// outcome is how something ended, and the type of the error if it did not succeed.
func outcome(key, result string) []attribute {
	if result == succeeded {
		return []attribute{text(key, result)}
	}
	return []attribute{text(key, result), text("error.type", result)}
}

// attempt is the span of an attempt, the n-th of its task.
func (r Run) attempt(t *timeline.Task, a timeline.Attempt, n int) span {
	s := span{SpanID: r.attemptID(t.ID, n), Name: t.ID, Kind: internal, Start: nanos{a.Start}, End: nanos{a.End}}
	result := cancelled // by the end of the record
	if a.Result != nil {
		result = resultOf(a.Result.Status)
	}
	s.Attributes = append(outcome("cicd.pipeline.task.run.result", result),
		text("cicd.pipeline.task.name", t.ID), text("cicd.pipeline.task.run.id", r.Timeline.Run.Run+"/"+s.SpanID),
		text("heapmage.package", t.Package), integer("heapmage.attempt", n), integer("heapmage.memory.need", a.Need))
	if t.Target == "build" || t.Target == "test" {
		s.Attributes = append(s.Attributes, text("cicd.pipeline.task.type", t.Target))
	}
	if end := a.Result; end != nil {
		s.Attributes = append(s.Attributes, integer("process.exit.code", end.ExitCode),
			integer("heapmage.memory.peak", end.Peak), seconds("heapmage.cpu.time", end.CPU), seconds("heapmage.paused.time", end.Frozen))
		if end.Cause != "" {
			s.Attributes = append(s.Attributes, text("heapmage.cause", end.Cause))
		}
		// One that was only stopped to make room is no error: it runs again.
		if result != succeeded && (end.Status != event.Stopped || !end.Retry) {
			s.Status = &status{Code: failure, Message: end.Reason}
		}
	}
	for _, f := range a.Frozen[:min(mostEvents/2, len(a.Frozen))] {
		s.Events = append(s.Events, moment{Time: nanos{f.From}, Name: "heapmage.paused"}, moment{Time: nanos{f.To}, Name: "heapmage.resumed"})
	}
	return s
}

// metrics are the memory of the run over time, and the peak of each task.
func (r Run) metrics() []metric {
	if len(r.Samples) == 0 {
		return nil
	}
	pipeline := []attribute{text("cicd.pipeline.name", r.Timeline.Run.Target)}
	usage := metric{Name: "heapmage.memory.usage", Description: "Memory of all processes of the run.", Unit: "By"}
	budget := metric{Name: "heapmage.memory.budget", Description: "Memory that the run may use.", Unit: "By"}
	// Of the samples of each point the highest counts.
	for part := range slices.Chunk(r.Samples, 1+(len(r.Samples)-1)/mostPoints) {
		s := slices.MaxFunc(part, func(a, b timeline.Sample) int { return cmp.Compare(a.Usage, b.Usage) })
		usage.Gauge.Points = append(usage.Gauge.Points, point{pipeline, nanos{s.At}, number(s.Usage)})
		budget.Gauge.Points = append(budget.Gauge.Points, point{pipeline, nanos{s.At}, number(s.Budget)})
	}
	peaks := metric{Name: "heapmage.task.memory.peak", Description: "Highest memory of a task's processes.", Unit: "By"}
	for _, t := range r.Tasks {
		if end := t.Result(); end != nil {
			peaks.Gauge.Points = append(peaks.Gauge.Points, point{append(slices.Clone(pipeline), text("cicd.pipeline.task.name", t.ID)), nanos{t.Attempts[len(t.Attempts)-1].End}, number(end.Peak)})
		}
	}
	all := []metric{usage, budget}
	if len(peaks.Gauge.Points) > 0 {
		all = append(all, peaks)
	}
	return all
}
