// Package otlp sends each run to a collector of OpenTelemetry when it has ended, as OTLP/JSON over
// HTTP. A magefile imports it beside package mage:
//
//	_ "github.com/heapmage/heapmage/mage/otlp"
//
// It sends if OTEL_EXPORTER_OTLP_ENDPOINT is set, or that of a signal. Only those who import it
// compile an HTTP client. Sending takes at most three seconds; whether it succeeds changes nothing
// of the run but one line of its log. docs/trace.md lists what is sent, and the variables.
package otlp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/heapmage/heapmage/internal/handon"
	"github.com/heapmage/heapmage/internal/netfault"
	"github.com/heapmage/heapmage/internal/otlp"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/timeline"
)

func init() { handon.To(send) }

// send sends a run to where the environment wants it.
func send(ctx context.Context, environ []string, record *timeline.Timeline) string {
	const nothing = "This run was not sent to OpenTelemetry: "
	targets, err := otlp.Targets(environ)
	if err != nil {
		return nothing + err.Error()
	}
	run := otlp.Run{Timeline: record, Settings: otlp.ReadSettings(environ)}
	why := ""
	for _, t := range targets { // a collector may want only one of them
		if err := signal(ctx, t, run); err != nil {
			why = cmp.Or(why, nothing+t.Signal+": "+err.Error())
		}
	}
	return why
}

// signal sends the spans or the metrics of a run, up to the first request that fails.
func signal(ctx context.Context, t otlp.Target, run otlp.Run) error {
	requests, err := run.Spans()
	if t.Signal == "metrics" {
		requests, err = run.Metrics()
	}
	for _, body := range requests {
		if err == nil {
			err = post(ctx, t, body)
		}
	}
	return err
}

// client follows no redirection: the headers may be secret.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// longestMessage bounds what is shown of what a server says, in bytes.
const longestMessage = 200

// post sends one request. Its errors have neither the address nor the headers.
func post(ctx context.Context, t otlp.Target, body []byte) error {
	if t.Timeout > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, t.Timeout)
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the endpoint is not an address")
	}
	r.Close = true // a connection that the server closes meanwhile would lose the next request
	r.Header.Set("User-Agent", "heapmage")
	for _, h := range t.Headers {
		r.Header.Set(h.Name, h.Value)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return netfault.Explain("the endpoint", err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10)) // if it is cut, it says nothing
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the endpoint answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	var partial struct {
		PartialSuccess struct {
			RejectedSpans, RejectedDataPoints json.Number
			ErrorMessage                      string
		}
	}
	if json.Unmarshal(text, &partial) == nil {
		p := partial.PartialSuccess
		rejected, _ := cmp.Or(p.RejectedSpans, p.RejectedDataPoints).Int64() // what is no number is none
		if rejected > 0 {
			return fmt.Errorf("the endpoint rejected %d: %s", rejected, printable.Text(p.ErrorMessage[:min(longestMessage, len(p.ErrorMessage))]))
		}
	}
	return nil
}
