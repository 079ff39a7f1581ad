package httpstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/objectstore"
)

func TestRequests(t *testing.T) {
	var mu sync.Mutex
	var got []string
	stored := map[string][]byte{}
	turbo, bazel := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%s %s %s %s", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("Content-Type")))
		if agent := r.Header.Get("User-Agent"); !strings.HasPrefix(agent, "heapmage") || len(r.Header["Cookie"]) > 0 || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("the header is %v", r.Header)
		}
		w.Header().Set("Set-Cookie", "a=b")
		body, ok := stored[r.URL.Path]
		switch {
		case r.Method == http.MethodPut:
			if stored[r.URL.Path], _ = io.ReadAll(r.Body); int64(len(stored[r.URL.Path])) != r.ContentLength {
				t.Errorf("%s comes without its length", r.URL.Path)
			}
			w.WriteHeader(http.StatusCreated)
		case ok:
			_, _ = w.Write(body)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	name, content := digest(object), digest("content")
	named := digest("heapmage\n" + object)
	for _, tt := range []struct {
		claim string
		store objectstore.Store
		want  []string
	}{
		{"Turborepo's API", turbo, []string{
			"GET /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " ",
			"HEAD /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " ",
			"PUT /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " application/octet-stream",
			"GET /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " ",
			"HEAD /v8/artifacts/" + named + "?slug=acme Bearer " + secret + " ",
		}},
		{"Bazel's HTTP cache", bazel, []string{
			"GET /ac/" + name + " Bearer " + secret + " ",
			"GET /ac/" + name + " Bearer " + secret + " ",
			"PUT /cas/" + content + " Bearer " + secret + " application/octet-stream",
			"PUT /ac/" + name + " Bearer " + secret + " application/octet-stream",
			"GET /ac/" + name + " Bearer " + secret + " ",
			"GET /cas/" + content + " Bearer " + secret + " ",
			"GET /ac/" + name + " Bearer " + secret + " ",
			"HEAD /cas/" + content + " Bearer " + secret + " ",
		}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got = nil
			if _, err := get(t.Context(), tt.store); !errors.Is(err, objectstore.ErrAbsent) {
				t.Error(err)
			}
			if there, err := tt.store.Has(t.Context(), object); there || err != nil {
				t.Error(there, err)
			}
			if err := put(tt.store, "content"); err != nil {
				t.Error(err)
			}
			if text, err := get(t.Context(), tt.store); text != "content" || err != nil {
				t.Error(text, err)
			}
			if there, err := tt.store.Has(t.Context(), object); !there || err != nil {
				t.Error(there, err)
			}
			if all, want := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); all != want {
				t.Errorf("the requests are\n%s\nand not\n%s", all, want)
			}
		})
	}
	t.Run("an empty object has a length too", func(t *testing.T) {
		if err := put(turbo, ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("what no object is called is not asked for", func(t *testing.T) {
		got = nil
		for _, name := range []string{"", "a/../b", "..", "a//b", "A", "a b", "a?b", "a%2e%2e"} {
			for _, s := range []objectstore.Store{turbo, bazel} {
				_, err := s.Get(t.Context(), name)
				_, err2 := s.Has(t.Context(), name)
				if err3 := s.Put(t.Context(), name, envelope.Bytes(nil)); err == nil || err2 == nil || err3 == nil {
					t.Errorf("%q: %v, %v, %v", name, err, err2, err3)
				}
			}
		}
		if len(got) > 0 {
			t.Error(got)
		}
	})
	t.Run("what a result points to may be gone", func(t *testing.T) {
		clear(stored)
		stored["/ac/"+name] = blob{content, 7}.result()
		if _, err := get(t.Context(), bazel); !errors.Is(err, objectstore.ErrAbsent) {
			t.Error(err)
		}
		if there, err := bazel.Has(t.Context(), object); there || err != nil {
			t.Error(there, err)
		}
	})
}

func TestUploads(t *testing.T) {
	t.Run("a content that fails is not the server's fault", func(t *testing.T) {
		turbo, bazel := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		broken := errors.New("the disk broke")
		for _, s := range []objectstore.Store{turbo, bazel} {
			opened := objectstore.Content{Size: 3, Open: func() (io.ReadCloser, error) { return nil, broken }}
			if err := s.Put(t.Context(), object, opened); !errors.Is(err, broken) {
				t.Error(err)
			}
			reading := objectstore.Content{Size: 3, Open: func() (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader("a"), iotestErr{broken})), nil
			}}
			if err := s.Put(t.Context(), object, reading); !errors.Is(err, broken) {
				t.Error(err)
			}
			for _, size := range []int64{2, 4} {
				c := envelope.Bytes([]byte("abc"))
				c.Size = size
				if err := s.Put(t.Context(), object, c); err == nil {
					t.Errorf("%d bytes of 3 are stored", size)
				}
			}
		}
	})
	t.Run("a refusal counts though it comes before the end of the upload", func(t *testing.T) {
		turbo, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
		err := put(turbo, strings.Repeat("a", 8<<20))
		// The connection may break before the answer is read.
		if !errors.Is(err, objectstore.ErrRefused) && !strings.Contains(fmt.Sprint(err), "cannot be reached") {
			t.Error(err)
		}
	})
}

func TestSlowUploads(t *testing.T) {
	turbo, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(600 * time.Millisecond)
	})
	t.Run("one is sent for as long as it goes on", func(t *testing.T) {
		t.Parallel()
		slow := objectstore.Content{Size: 8, Open: func() (io.ReadCloser, error) {
			from, to := io.Pipe()
			go func() {
				for range 8 {
					time.Sleep(100 * time.Millisecond)
					_, _ = to.Write([]byte("a"))
				}
				_ = to.Close()
			}()
			return from, nil
		}}
		turbo.client.patience = 700 * time.Millisecond
		if err := turbo.Put(t.Context(), object, slow); err != nil {
			t.Error(err)
		}
	})
	t.Run("the answer to a large one may take longer", func(t *testing.T) {
		t.Parallel()
		other, _ := at(t, turbo.base.String())
		other.client.patience = 300 * time.Millisecond
		if err := put(other, strings.Repeat("a", 4<<20)); err != nil {
			t.Error(err)
		}
		told(t, put(other, "content"), nil, "did not answer in time")
	})
}

type iotestErr struct{ error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.error }

func TestAtMostEightAtOnce(t *testing.T) {
	var now, most atomic.Int32
	turbo, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		_, _ = w.Write([]byte("a"))
	})
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			if _, err := get(t.Context(), turbo); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if most.Load() > atOnce || most.Load() < 2 {
		t.Errorf("%d at once", most.Load())
	}
	t.Run("a failure gives its place back", func(t *testing.T) {
		answers, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		gone, _ := at(t, "http://127.0.0.1:1")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for _, s := range []objectstore.Store{answers, gone} {
			for range 3 * atOnce {
				if _, err := s.Get(ctx, object); errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
			}
		}
	})
}
