package httpstore

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/heapmage/heapmage/internal/objectstore"
)

func TestAnswers(t *testing.T) {
	answer := http.HandlerFunc(nil)
	turbo, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r) })
	status := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, tt := range []struct {
		claim    string
		answer   http.HandlerFunc
		get, put error
		words    string
	}{
		{"401 is a refusal", status(401, "", ""), objectstore.ErrRefused, objectstore.ErrRefused, "the server refuses the credential: it answered 401 Unauthorized"},
		{"403 is one with its reason, as Vercel gives it", status(403, "application/json; charset=utf-8", `{"error":{"code":"remote_caching_disabled","message":"Remote caching is disabled"}}`),
			objectstore.ErrRefused, objectstore.ErrRefused, "403 Forbidden: remote_caching_disabled: Remote caching is disabled"},
		{"so is a reason as turborepo-remote-cache gives it", status(400, "application/json", `{"statusCode":400,"error":"Bad Request","message":"no slug"}`), nil, nil, "the server answered 400 Bad Request: no slug"},
		{"so is one in a word", status(400, "application/json", `{"error":"odd"}`), nil, nil, "400 Bad Request: odd"},
		{"so is one as S3 gives it", status(503, "application/xml", `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Less</Message></Error>`), nil, nil, "503 Service Unavailable: SlowDown: Less"},
		{"so is one in plain text", status(507, "text/plain; charset=utf-8", "disk full\nat /srv"), nil, nil, "507 Insufficient Storage: disk full"},
		{"a page is no reason", status(502, "text/html", "<h1>Bad</h1>"), nil, nil, "502 Bad Gateway"},
		{"a bucket that is not there is no miss", status(404, "application/xml", `<Error><Code>NoSuchBucket</Code></Error>`), nil, nil, "404 Not Found: NoSuchBucket"},
		{"a secret is not repeated", status(400, "text/plain", "bad token "+secret), nil, nil, "400 Bad Request"},
		{"nor does a reason act on a terminal", status(400, "text/plain", "\x1b[2J::error::x"), nil, nil, `400 Bad Request: \x1b[2J\x3a\x3aerror`},
		{"a reason is short", status(400, "text/plain", strings.Repeat("é", 500)), nil, nil, strings.Repeat("é", longestReason/2) + "…"},
		{"garbage is no reason", status(400, "application/json", "\x00{"), nil, nil, "400 Bad Request"},
		{"206 is no object", status(206, "", "part"), nil, nil, "206 Partial Content"},
		{"204 is none", status(204, "", ""), nil, errors.New("stored"), "204 No Content"},
		{"300 is none", status(300, "", ""), nil, nil, "300 Multiple Choices"},
		{"a status that nobody knows is an error", status(799, "", ""), nil, nil, "799"},
		{"412 means that it is there", status(412, "", ""), nil, objectstore.ErrExists, "412"},
		{"409 too", status(409, "", ""), nil, objectstore.ErrExists, "409"},
		{"429 is an error", status(429, "", ""), nil, nil, "429 Too Many Requests"},
		{"500 is an error", status(500, "", ""), nil, nil, "500 Internal Server Error"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			answer = tt.answer
			told(t, failed(t, turbo), tt.get, tt.words)
			err := put(turbo, "content")
			switch {
			case errors.Is(tt.put, objectstore.ErrExists):
				told(t, err, tt.put, "there already")
			case tt.put != nil && tt.put.Error() == "stored":
				if err != nil {
					t.Error(err)
				}
			default:
				told(t, err, tt.put, tt.words)
			}
		})
	}
	t.Run("without a credential a refusal asks for one", func(t *testing.T) {
		answer = status(401, "", "")
		s, err := OpenTurbo(parsed(t, "turbo+"+turbo.base.String()), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.(interface{ idle() }).idle()
		told(t, failed(t, s), objectstore.ErrRefused, "asks for a credential, and none is set: it answered 401")
	})
	t.Run("a request is not made again after an answer", func(t *testing.T) {
		var asked atomic.Int32
		answer = func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(500) }
		if _ = failed(t, turbo); asked.Load() != 1 {
			t.Errorf("it is made %d times", asked.Load())
		}
	})
}

// idle lets the test end without connections.
func (t *turbo) idle() { t.client.http.CloseIdleConnections() }
