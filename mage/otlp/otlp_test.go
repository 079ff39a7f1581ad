package otlp

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/timeline"
)

func record() *timeline.Timeline {
	start := time.Unix(1000, 0)
	return &timeline.Timeline{Run: event.RunStarted{Run: "1", Target: "build"}, Start: start, End: start.Add(time.Second), Ended: true, Samples: []timeline.Sample{{At: start, Usage: 1, Budget: 2}}}
}

func TestSend(t *testing.T) {
	var mu sync.Mutex // of got: a request that timed out is still answered
	var got []string
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Key")+" "+string(body[:16]))
		mu.Unlock()
		answer(w, r)
	}))
	defer s.Close()
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + s.URL, "OTEL_EXPORTER_OTLP_HEADERS=key=secret"}
	if why := send(t.Context(), env, record()); why != "" {
		t.Error(why)
	}
	if all := strings.Join(got, "\n"); all != "POST /v1/traces application/json secret {\"resourceSpans\"\nPOST /v1/metrics application/json secret {\"resourceMetric" {
		t.Errorf("got %s", all)
	}
	for _, tt := range []struct {
		claim, want string
		answer      http.HandlerFunc
	}{
		{"a refusal is told", "401 Unauthorized", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }},
		{"a redirection is not followed", "307", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.invalid/secret", http.StatusTemporaryRedirect)
		}},
		{"so is a part that was rejected", `rejected 2: too\x1b old`, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too\u001b old"}}`))
		}},
		{"a warning is none", "", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"partialSuccess":{"errorMessage":"old"}}`))
		}},
		{"a server's words are cut", strings.Repeat("e", longestMessage), func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"partialSuccess":{"rejectedSpans":1,"errorMessage":"` + strings.Repeat("e", longestMessage) + `secret"}}`))
		}},
		{"what is no number of spans is none", "", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"partialSuccess":{"rejectedSpans":1e9999}}`))
		}},
		{"202 is good", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }},
		{"no content is good", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }},
		{"a connection is used once", "", func(w http.ResponseWriter, r *http.Request) {
			if !r.Close {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}},
		{"an answer that is no JSON is good", "", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x00")) }},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			answer = tt.answer
			why := send(t.Context(), env, record())
			if (why == "") != (tt.want == "") || !strings.Contains(why, tt.want) || strings.Contains(why, "secret") {
				t.Errorf("it says %q", why)
			}
		})
	}
	t.Run("metrics are sent though traces are refused", func(t *testing.T) {
		got = nil
		answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/traces" {
				w.WriteHeader(http.StatusNotFound)
			}
		}
		if why := send(t.Context(), env, record()); !strings.Contains(why, "traces: the endpoint answered 404") || len(got) != 2 {
			t.Errorf("it says %q, and got %q", why, got)
		}
	})
	t.Run("it does not wait for ever", func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		answer = func(http.ResponseWriter, *http.Request) { <-release }
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if why := send(ctx, env, record()); !strings.Contains(why, "did not answer in time") {
			t.Errorf("it says %q", why)
		}
		if why := send(t.Context(), append(env, "OTEL_EXPORTER_OTLP_TIMEOUT=50"), record()); !strings.Contains(why, "did not answer in time") {
			t.Errorf("it says %q", why)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		why := send(t.Context(), []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:secret@127.0.0.1:1"}, record())
		if !strings.Contains(why, "cannot be reached") || strings.Contains(why, "secret") || strings.Contains(why, "\n") {
			t.Errorf("it says %q", why)
		}
	})
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		s := httptest.NewUnstartedServer(answer)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		if why := send(t.Context(), []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + s.URL}, record()); !strings.Contains(why, "is not trusted") {
			t.Errorf("it says %q", why)
		}
	})
	t.Run("nothing is sent without an endpoint", func(t *testing.T) {
		if why := send(t.Context(), os.Environ(), record()); why != "" && os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
			t.Error(why)
		}
	})
	t.Run("what is set wrongly is told", func(t *testing.T) {
		if why := send(t.Context(), append(env, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"), record()); !strings.Contains(why, "OTEL_EXPORTER_OTLP_PROTOCOL asks for another protocol") {
			t.Errorf("it says %q", why)
		}
	})
}
