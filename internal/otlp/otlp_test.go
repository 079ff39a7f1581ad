package otlp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/timeline"
	"github.com/heapmage/heapmage/memtools"
)

const mb = memtools.MB

func second(n int) time.Time { return time.Unix(1000+int64(n), 0) }

// sample is a run in which web comes after core, is stopped once, and runs out of memory.
func sample(env ...string) Run {
	task := func(id string, after ...string) event.PlannedTask {
		return event.PlannedTask{Task: event.Task{ID: id, Package: id, Target: "build"}, After: after}
	}
	attempt := func(from, to int, s event.Status, reason string) timeline.Attempt {
		return timeline.Attempt{Start: second(from), End: second(to), Result: &event.TaskFinished{Status: s, Peak: 90 * mb, CPU: time.Second, Reason: reason, Retry: s == event.Stopped, ExitCode: -1}}
	}
	return Run{&timeline.Timeline{
		Run: event.RunStarted{Run: "r1", Target: "build", Root: "/acme", Mode: event.Parallel, Budget: 300 * mb}, Start: second(0), End: second(9), Ended: true,
		Totals: event.RunFinished{ExitCode: 4, Reason: "build failed: w\xff", Succeeded: 1, Failed: 1},
		Tasks: []*timeline.Task{
			{PlannedTask: task("core#build"), Attempts: []timeline.Attempt{attempt(1, 2, event.Succeeded, "")}},
			{PlannedTask: task("w\xff\"#build", "core#build", "gone"), Attempts: []timeline.Attempt{attempt(2, 4, event.Stopped, "made room"), attempt(5, 8, event.OutOfMemory, "out of memory")}},
			{PlannedTask: task("never#build", "w\xff\"#build")},
		},
		Samples:     []timeline.Sample{{At: second(1), Usage: 100 * mb, Budget: 300 * mb}, {At: second(2), Usage: 200 * mb, Budget: 290 * mb}},
		Collections: []timeline.Collection{{Interval: timeline.Interval{From: second(3)}, Trigger: event.AtCritical}},
	}, ReadSettings(env)}
}

// only are the spans of a run that fit one request, by name.
func only(t *testing.T, r Run) []span {
	t.Helper()
	requests, err := r.Spans()
	if err != nil || len(requests) != 1 {
		t.Fatalf("%d requests, %v", len(requests), err)
	}
	return r.spans()
}

func has(s span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			text, _ := json.Marshal(a.Value)
			return string(text)
		}
	}
	return ""
}

func TestSpans(t *testing.T) {
	all := only(t, sample())
	if len(all) != 4 {
		t.Fatalf("%d spans", len(all))
	}
	run, core, stopped, died := all[0], all[1], all[2], all[3]
	for claim, ok := range map[string]bool{
		"the run is the root":                    run.Name == "BUILD build" && run.Kind == server && run.ParentID == "" && len(run.TraceID) == 32 && len(run.SpanID) == 16,
		"a lack of memory is an error":           has(run, "cicd.pipeline.result") == `{"stringValue":"error"}` && run.Status.Code == failure,
		"it has the exit code":                   has(run, "process.exit.code") == `{"intValue":"4"}`,
		"a collection is an event of it":         len(run.Events) == 1 && run.Events[0].Name == "heapmage.gc",
		"attempts are its children":              core.ParentID == run.SpanID && died.ParentID == run.SpanID && died.TraceID == run.TraceID,
		"a success has no status":                core.Status == nil && has(core, "cicd.pipeline.task.run.result") == `{"stringValue":"success"}`,
		"one that made room is no error":         stopped.Status == nil && has(stopped, "cicd.pipeline.task.run.result") == `{"stringValue":"cancellation"}`,
		"one that died is":                       died.Status != nil && died.Status.Message == "out of memory" && has(died, "error.type") == `{"stringValue":"error"}`,
		"a task is linked to what comes before":  len(died.Links) == 1 && died.Links[0].SpanID == core.SpanID,
		"each has an ID of its own":              len(slices.Compact(slices.Sorted(slices.Values([]string{run.SpanID, core.SpanID, stopped.SpanID, died.SpanID})))) == 4,
		"the same record gives the same":         only(t, sample())[3].SpanID == died.SpanID,
		"a task that did not run has no span":    !slices.ContainsFunc(all, func(s span) bool { return s.Name == "never#build" }),
		"a build is of that type":                has(core, "cicd.pipeline.task.type") == `{"stringValue":"build"}`,
		"attempts are numbered":                  has(died, "heapmage.attempt") == `{"intValue":"2"}`,
		"a duration is in seconds":               has(core, "heapmage.cpu.time") == `{"doubleValue":1}`,
		"a size is in bytes":                     has(core, "heapmage.memory.peak") == `{"intValue":"94371840"}`,
		"times are nanoseconds, which are texts": strings.Contains(fmt.Sprint(mustJSON(t, core)), `"startTimeUnixNano":"1001000000000"`),
	} {
		if !ok {
			t.Errorf("not so: %s", claim)
		}
	}
	t.Run("many go in several requests", func(t *testing.T) {
		r := sample()
		for i := range 2500 {
			r.Tasks = append(r.Tasks, &timeline.Task{PlannedTask: event.PlannedTask{Task: event.Task{ID: fmt.Sprint(i)}}, Attempts: []timeline.Attempt{{}}})
		}
		if requests, err := r.Spans(); err != nil || len(requests) != 3 {
			t.Errorf("%d requests, %v", len(requests), err)
		}
	})
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMetrics(t *testing.T) {
	requests, err := sample().Metrics()
	if err != nil || len(requests) != 1 {
		t.Fatalf("%d requests, %v", len(requests), err)
	}
	for _, want := range []string{`"name":"heapmage.memory.usage"`, `"timeUnixNano":"1002000000000","asInt":"209715200"`, `"name":"heapmage.memory.budget"`, `"name":"heapmage.task.memory.peak"`} {
		if !bytes.Contains(requests[0], []byte(want)) {
			t.Errorf("%s is missing: %s", want, requests[0])
		}
	}
	if bytes.Contains(requests[0], []byte("r1")) {
		t.Error("the metrics name the run, of which there are too many")
	}
	t.Run("of a long run are bounded, and keep its peak", func(t *testing.T) {
		r := sample()
		r.Samples = slices.Repeat(r.Samples, 2000)
		r.Samples[1234].Usage = 1 << 40
		points := r.metrics()[0].Gauge.Points
		if len(points) > mostPoints || !slices.ContainsFunc(points, func(p point) bool { return p.Value == 1<<40 }) {
			t.Errorf("%d points", len(points))
		}
	})
}

func TestSettings(t *testing.T) {
	const traceparent = "TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	t.Run("the span that TRACEPARENT names is the parent", func(t *testing.T) {
		run := only(t, sample(traceparent))[0]
		if run.TraceID != "0af7651916cd43dd8448eb211c80319c" || run.ParentID != "b7ad6b7169203331" {
			t.Errorf("%+v", run)
		}
	})
	t.Run("if it is not sampled nothing is", func(t *testing.T) {
		if requests, err := sample(strings.TrimSuffix(traceparent, "1") + "0").Spans(); requests != nil || err != nil {
			t.Errorf("%d requests, %v", len(requests), err)
		}
	})
	for _, odd := range []string{"", "00", "00-0-0-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"} {
		if p := parentOf(odd); p != (Parent{}) {
			t.Errorf("%q: %+v", odd, p)
		}
	}
	t.Run("the resource", func(t *testing.T) {
		for env, want := range map[string]string{
			"": "service.name=heapmage",
			"OTEL_RESOURCE_ATTRIBUTES=service.name=a,x=1%2C2": "service.name=a x=1,2",
			"OTEL_RESOURCE_ATTRIBUTES=broken":                 "service.name=heapmage",
		} {
			var got []string
			for _, a := range ReadSettings([]string{env}).Resource {
				got = append(got, a.Key+"="+*a.Value.Text)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %q", env, got)
			}
		}
		if s := ReadSettings([]string{"OTEL_SERVICE_NAME=b", "OTEL_RESOURCE_ATTRIBUTES=service.name=a"}); *s.Resource[0].Value.Text != "b" {
			t.Errorf("%+v", s)
		}
	})
}

func TestTargets(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318/"
	for _, tt := range []struct {
		claim, want string
		env         []string
	}{
		{"nowhere", "", nil},
		{"both signals", "traces http://localhost:4318/v1/traces; metrics http://localhost:4318/v1/metrics", []string{endpoint}},
		{"an address of a signal is taken as it is", "metrics https://m.example/in?x=1", []string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=https://m.example/in?x=1"}},
		{"and goes before the other", "traces http://t:1; metrics http://localhost:4318/v1/metrics", []string{endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:1"}},
		{"switched off", "", []string{endpoint, "OTEL_SDK_DISABLED=true"}},
		{"one signal switched off", "traces http://localhost:4318/v1/traces", []string{endpoint, "OTEL_METRICS_EXPORTER=none"}},
		{"headers and time", "traces http://localhost:4318/v1/traces a=b c b=1 2s; metrics http://localhost:4318/v1/metrics x=y 1s", []string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=x=y", "OTEL_EXPORTER_OTLP_TIMEOUT=1000", "OTEL_EXPORTER_OTLP_TRACES_HEADERS=a=b%20c , b=1;p", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=2000"}},
		{"the protocol that there is", "traces http://localhost:4318/v1/traces; metrics http://localhost:4318/v1/metrics", []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"}},
		{"another protocol", "! OTEL_EXPORTER_OTLP_PROTOCOL", []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}},
		{"another protocol of a signal", "! OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", []string{endpoint, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=secret"}},
		{"no address", "! OTEL_EXPORTER_OTLP_ENDPOINT", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=user:secret@host"}},
		{"an address that cannot be read", "! OTEL_EXPORTER_OTLP_ENDPOINT", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://user:secret%zz@host"}},
		{"headers that are none", "! OTEL_EXPORTER_OTLP_HEADERS", []string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=secret"}},
		{"a header with a line end", "! OTEL_EXPORTER_OTLP_HEADERS", []string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=a=secret%0d%0ab:c"}},
		{"a header with a blank in its name", "! OTEL_EXPORTER_OTLP_METRICS_HEADERS", []string{endpoint, "OTEL_EXPORTER_OTLP_METRICS_HEADERS=a b=secret"}},
		{"a time that is none", "! OTEL_EXPORTER_OTLP_TIMEOUT", []string{endpoint, "OTEL_EXPORTER_OTLP_TIMEOUT=-secret"}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			targets, err := Targets(tt.env)
			if name, wrong := strings.CutPrefix(tt.want, "! "); wrong {
				if err == nil || !strings.HasPrefix(err.Error(), name+" ") || strings.Contains(err.Error(), "secret") {
					t.Errorf("the error is %v", err)
				}
				return
			}
			var got []string
			for _, x := range targets {
				text := x.Signal + " " + x.URL
				for _, h := range x.Headers {
					text += " " + h.Name + "=" + h.Value
				}
				if x.Timeout > 0 {
					text += " " + x.Timeout.String()
				}
				got = append(got, text)
			}
			if all := strings.Join(got, "; "); all != tt.want || err != nil {
				t.Errorf("got %s, %v", all, err)
			}
		})
	}
}

// TestFile: what Write wrote is known again.
func TestFile(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil || strings.Count(b.String(), "\n") != 2 || !IsFile(b.Bytes()[:100]) {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestTimesBeyondNanoseconds(t *testing.T) {
	for year, want := range map[int]string{1: `"0"`, 1970: `"0"`, 2262: `"9214646400000000000"`, 2263: `"9223372036854775807"`, 9999: `"9223372036854775807"`} {
		if got, err := json.Marshal(nanos{time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil || string(got) != want {
			t.Errorf("%d: %s %v, want %s", year, got, err, want)
		}
	}
}
