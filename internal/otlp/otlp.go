// Package otlp turns a recorded run into the requests of OTLP/JSON, the form in which OpenTelemetry's
// collectors take traces and metrics over HTTP. It sends nothing: package mage/otlp does, if a
// magefile imports it, since that needs an HTTP client.
//
// Spans follow the semantic conventions for CI/CD (of version 1.37), as far as they go.
package otlp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/heapmage/heapmage/internal/timeline"
)

const (
	// spansAtOnce bounds the spans of one request: collectors take some MB.
	spansAtOnce = 1000
	// mostPoints bounds the points of one metric.
	mostPoints = 500
	// mostLinks and mostEvents bound those of one span, as OpenTelemetry does by default.
	mostLinks, mostEvents = 128, 128
)

// The types are those of opentelemetry-proto, in the names of its JSON form: 64-bit integers are
// texts, IDs are hexadecimal.

type request struct {
	ResourceSpans   []resourceSpans   `json:"resourceSpans,omitempty"`
	ResourceMetrics []resourceMetrics `json:"resourceMetrics,omitempty"`
}

type resourceSpans struct {
	Resource   resource     `json:"resource"`
	ScopeSpans []scopeSpans `json:"scopeSpans"`
}

type scopeSpans struct {
	Scope scope  `json:"scope"`
	Spans []span `json:"spans"`
}

type resourceMetrics struct {
	Resource     resource       `json:"resource"`
	ScopeMetrics []scopeMetrics `json:"scopeMetrics"`
}

type scopeMetrics struct {
	Scope   scope    `json:"scope"`
	Metrics []metric `json:"metrics"`
}

type resource struct {
	Attributes []attribute `json:"attributes"`
}

type scope struct {
	Name string `json:"name"`
}

var ours = scope{"github.com/heapmage/heapmage"}

type span struct {
	TraceID    string      `json:"traceId"`
	SpanID     string      `json:"spanId"`
	ParentID   string      `json:"parentSpanId,omitempty"`
	Name       string      `json:"name"`
	Kind       int         `json:"kind"`
	Start      nanos       `json:"startTimeUnixNano"`
	End        nanos       `json:"endTimeUnixNano"`
	Attributes []attribute `json:"attributes"`
	Events     []moment    `json:"events,omitempty"`
	Links      []link      `json:"links,omitempty"`
	Status     *status     `json:"status,omitempty"`
}

// The kinds of spans.
const (
	internal = 1
	server   = 2
)

type moment struct {
	Time       nanos       `json:"timeUnixNano"`
	Name       string      `json:"name"`
	Attributes []attribute `json:"attributes,omitempty"`
}

type link struct {
	TraceID string `json:"traceId"`
	SpanID  string `json:"spanId"`
}

type status struct {
	Message string `json:"message,omitempty"`
	Code    int    `json:"code"`
}

// failure is the status code of a span that failed.
const failure = 2

type metric struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Unit        string `json:"unit"`
	Gauge       gauge  `json:"gauge"`
}

type gauge struct {
	Points []point `json:"dataPoints"`
}

type point struct {
	Attributes []attribute `json:"attributes"`
	Time       nanos       `json:"timeUnixNano"`
	Value      number      `json:"asInt"`
}

type attribute struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	Text    *string  `json:"stringValue,omitempty"`
	Integer *number  `json:"intValue,omitempty"`
	Real    *float64 `json:"doubleValue,omitempty"`
}

func text(key, s string) attribute { return attribute{key, value{Text: &s}} }

func integer[T ~int | ~int64](key string, n T) attribute {
	i := number(n)
	return attribute{key, value{Integer: &i}}
}

func seconds(key string, d time.Duration) attribute {
	s := d.Seconds()
	return attribute{key, value{Real: &s}}
}

// Write writes all requests, one a line, as the collector's receiver of such files reads them.
func (r Run) Write(w io.Writer) error {
	spans, err := r.Spans()
	if err != nil {
		return err
	}
	metrics, err := r.Metrics()
	for _, request := range slices.Concat(spans, metrics) {
		if err == nil {
			_, err = w.Write(append(request, '\n'))
		}
	}
	return err
}

// IsFile reports by its first bytes whether a file is one that Write wrote.
func IsFile(text []byte) bool {
	return bytes.HasPrefix(text, []byte(`{"resourceSpans":[`)) || bytes.HasPrefix(text, []byte(`{"resourceMetrics":[`))
}

// number is a 64-bit integer in JSON.
type number int64

// MarshalJSON writes it in quotes.
func (n number) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatInt(int64(n), 10)), nil
}

// nanos is a time in JSON.
type nanos struct{ time.Time }

// MarshalJSON writes nanoseconds since 1970. A time beyond what they can tell is the last or the
// first one that they can.
func (t nanos) MarshalJSON() ([]byte, error) {
	switch n := t.UnixNano(); {
	case t.Before(time.Unix(0, 0)):
		return number(0).MarshalJSON()
	case t.After(time.Unix(0, math.MaxInt64)):
		return number(math.MaxInt64).MarshalJSON()
	default:
		return number(n).MarshalJSON()
	}
}

// Run is a recorded run and where it belongs.
type Run struct {
	*timeline.Timeline
	Settings
}

// Spans returns the requests for the spans of a run: one for the run itself, and one for each
// attempt. Of one record they are always the same. There are none if the span that
// TRACEPARENT names is not sampled.
func (r Run) Spans() ([][]byte, error) {
	if r.Parent.Unsampled {
		return nil, nil
	}
	var requests [][]byte
	for spans := range slices.Chunk(r.spans(), spansAtOnce) {
		text, err := json.Marshal(request{ResourceSpans: []resourceSpans{{resource{r.Resource}, []scopeSpans{{ours, spans}}}}})
		if err != nil {
			return nil, err
		}
		requests = append(requests, text)
	}
	return requests, nil
}

// Metrics returns the requests for the memory of a run.
func (r Run) Metrics() ([][]byte, error) {
	metrics := r.metrics()
	if len(metrics) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(request{ResourceMetrics: []resourceMetrics{{resource{r.Resource}, []scopeMetrics{{ours, metrics}}}}})
	return [][]byte{text}, err
}

// id is an ID of so many bytes that is always the same for the same names.
func id(bytes int, names ...string) string {
	h := sha256.New()
	for _, n := range names {
		_, _ = h.Write(append([]byte(n), 0)) // a hash takes all
	}
	return hex.EncodeToString(h.Sum(nil)[:bytes])
}
