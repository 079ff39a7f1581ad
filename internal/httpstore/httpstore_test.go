package httpstore

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/objectstore"
)

func TestMain(m *testing.M) {
	if address := os.Getenv("TEST_PROXIED"); address != "" {
		behindProxy(address)
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	secret = "s3cr3t-t0ken"
	object = "trusted/results/3f"
)

// serve starts a server, and returns stores on it.
func serve(t *testing.T, h http.HandlerFunc) (*turbo, *bazel) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return at(t, s.URL)
}

func at(t *testing.T, address string) (*turbo, *bazel) {
	t.Helper()
	env := []string{"HEAPMAGE_CACHE_TOKEN=" + secret}
	a, err := OpenTurbo(parsed(t, "turbo+"+address+"?team=acme"), "", env)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenBazel(parsed(t, "bazel+"+address), "", env)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Client{a.(*turbo).client, b.(*bazel).client} {
		c.patience = 10 * time.Second
		t.Cleanup(c.http.CloseIdleConnections)
	}
	return a.(*turbo), b.(*bazel)
}

// hasty has a store wait for a short time only.
func hasty(s *turbo) *turbo {
	s.client.patience = 500 * time.Millisecond
	return s
}

func parsed(t *testing.T, address string) *url.URL {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// get reads the object whole.
func get(ctx context.Context, s objectstore.Store) (string, error) {
	from, err := s.Get(ctx, object)
	if err != nil {
		return "", err
	}
	defer from.Close()
	text, err := io.ReadAll(from)
	return string(text), err
}

func put(s objectstore.Store, text string) error {
	return s.Put(context.Background(), object, envelope.Bytes([]byte(text)))
}

// told fails unless err is of a kind, if one is given, and its text has some words, and nothing secret.
func told(t *testing.T, err, kind error, words string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("it says %v, not %q", err, words)
		return
	}
	for _, hidden := range []string{secret, "team", "acme", "127.0.0.1"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("it says %v", err)
		}
	}
	for _, k := range []error{objectstore.ErrAbsent, objectstore.ErrExists, objectstore.ErrRefused} {
		if k != kind && errors.Is(err, k) {
			t.Errorf("%v is taken for %v", err, k)
		}
	}
}

// failed is what Get returned, or what reading did.
func failed(t *testing.T, s objectstore.Store) error {
	t.Helper()
	_, err := get(t.Context(), s)
	return err
}
