package httpstore

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/objectstore"
)

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		address string
		env     []string
		want    string // the address of an object without its digest, or what is wrong
	}{
		{"turbo+https://cache.example.com", nil, "https://cache.example.com/v8/artifacts/"},
		{"turbo+https://cache.example.com/api/", nil, "https://cache.example.com/api/v8/artifacts/"},
		{"turbo+https://cache.example.com:8443?team=acme", []string{"TURBO_TEAM=other"}, "https://cache.example.com:8443/v8/artifacts/?slug=acme"},
		{"turbo+https://cache.example.com?team=team_4x2", nil, "https://cache.example.com/v8/artifacts/?teamId=team_4x2"},
		{"turbo+https://cache.example.com", []string{"TURBO_TEAM=a&b", "TURBO_TEAMID=team_1"}, "https://cache.example.com/v8/artifacts/?slug=a%26b&teamId=team_1"},
		{"turbo+http://localhost:3000", []string{"TURBO_TOKEN=x"}, "http://localhost:3000/v8/artifacts/"},
		{"turbo+http://[::1]:3000", []string{"TURBO_TOKEN=x"}, "http://[::1]:3000/v8/artifacts/"},
		{"turbo+http://cache:3000", []string{"TURBO_TOKEN= \n"}, "http://cache:3000/v8/artifacts/"},
		{"turbo+http://cache:3000", []string{"TURBO_TOKEN=x"}, "everybody on the way could read TURBO_TOKEN: use https"},
		{"turbo+http://localhost.example.com", []string{"HEAPMAGE_CACHE_TOKEN=x"}, "everybody on the way could read HEAPMAGE_CACHE_TOKEN"},
		{"turbo+https://cache.example.com", []string{"HEAPMAGE_CACHE_TOKEN=a\nb"}, "HEAPMAGE_CACHE_TOKEN has a character that no credential has"},
		{"turbo+https://", nil, "it names no server: write turbo+https://HOST"},
		{"turbo+https:cache.example.com", nil, "it names no server"},
		{"turbo+https://cache.example.com?tem=acme", nil, `the parameter "tem" is not known: did you mean team?`},
		{"turbo+https://cache.example.com?team=a&team=b", nil, "it needs one value for team"},
		{"turbo+https://cache.example.com?team=", nil, "it needs one value for team"},
		{"turbo+https://cache.example.com?a=%zz", nil, "what follows its ? cannot be read"},
		{"turbo+https://cache.example.com#team", nil, "it has a #"},
		{"turbo+https://cache.example.com/a/../b", nil, "its path leads up"},
	} {
		t.Run(tt.address, func(t *testing.T) {
			s, err := OpenTurbo(parsed(t, tt.address), "", tt.env)
			got := fmt.Sprint(err)
			if err == nil {
				address, _ := s.(*turbo).at(object)
				got = strings.Replace(address, digest("heapmage\n"+object), "", 1)
			}
			if err == nil && got != tt.want || !strings.Contains(got, tt.want) {
				t.Errorf("got %s, not %s", got, tt.want)
			}
		})
	}
	t.Run("Bazel's has no parameters", func(t *testing.T) {
		_, err := OpenBazel(parsed(t, "bazel+https://cache.example.com?team=a"), "", nil)
		if fmt.Sprint(err) != "it takes no parameters" {
			t.Error(err)
		}
	})
	t.Run("a user with a password", func(t *testing.T) {
		var got string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			got = user + " " + password
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(403)
			_, _ = io.WriteString(w, "bad "+r.Header.Get("Authorization"))
		}))
		defer s.Close()
		b, err := OpenBazel(parsed(t, "bazel+"+s.URL), "", []string{"HEAPMAGE_CACHE_TOKEN=acme:pass:word"})
		if err != nil {
			t.Fatal(err)
		}
		defer b.(*bazel).client.http.CloseIdleConnections()
		if err := failed(t, b); got != "acme pass:word" || strings.Contains(fmt.Sprint(err), "bad") {
			t.Error(got, err)
		}
	})
	t.Run("a message names the server, and no more", func(t *testing.T) {
		turbo, bazel := at(t, "https://cache.example.com/x")
		for _, s := range []objectstore.Store{turbo, bazel} {
			if got := s.Traits(); got != (objectstore.Traits{Where: "the server cache.example.com"}) {
				t.Errorf("%+v", got)
			}
		}
	})
}
