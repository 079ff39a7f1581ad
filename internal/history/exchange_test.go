package history

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/problem"
)

func TestExportCarriesThePredictions(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n += 2
		s, other := open(t, filepath.Join(dir, strconv.Itoa(n))), open(t, filepath.Join(dir, strconv.Itoa(n+1)))
		for i, x := range draw(rt, 0) {
			x.Time = time.Unix(int64(i+1), 0)   // equal runs at the same time are one
			x.HeapLimit = x.HeapLimit / mb * mb // rounding must not make two of them equal
			x.Sources = 0                       // of runs that were cut off the largest is exported, not the one that grew most
			add(t, s, "core#build", x)
		}
		if len(s.Samples("core#build")) == 0 {
			return
		}
		var text bytes.Buffer
		if err := s.export(&text); err != nil {
			rt.Fatal(err)
		}
		for range 2 { // a second import changes nothing
			if in, err := other.Import("x", text.Bytes()); err != nil || in.Tasks != 1 {
				rt.Fatalf("%d tasks, %v\n%s", n, err, text.String())
			}
		}
		a, b := s.Predict(asked), other.Predict(asked)
		// A smaller run under a smaller heap limit could ask for more than the
		// largest one that is exported, by what its limit may have held back: a third.
		if float64(b.Need)*4/3 < float64(a.Need-a.Need/1000) || b.Need > a.Need+a.Need/100+mb {
			rt.Fatalf("need %v, imported %v\n%s", a.Need, b.Need, text.String())
		}
		if b.Heap < a.Heap || b.Heap > a.Heap+mb {
			rt.Fatalf("heap %v, imported %v", a.Heap, b.Heap)
		}
	})
}

func TestExportIsReadable(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "history.jsonl"))
	x := run(402)
	x.Time = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	add(t, s, "core#build", x)
	var text bytes.Buffer
	if err := s.export(&text); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "heapmageHistory": 1,
  "tasks": {
    "core#build": [
      {"time": "2026-01-02T03:04:05Z", "outcome": "succeeded", "peak": "402.00MB", "duration": "2s", "cpu": "3s", "heapLimit": "4096.00MB", "sources": "100.00KB", "tool": "tsc", "versions": "node 22.1.0"}
    ]
  }
}
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

func TestImportRefuses(t *testing.T) {
	for claim, text := range map[string]string{
		"nothing":              ``,
		"no JSON":              "{\n  nonsense\n}",
		"another file":         `{"name": "core"}`,
		"a newer version":      `{"heapmageHistory": 99, "tasks": {}}`,
		"an unknown outcome":   `{"heapmageHistory": 1, "tasks": {"a": [{"outcome": "great"}]}}`,
		"a size that is none":  `{"heapmageHistory": 1, "tasks": {"a": [{"outcome": "succeeded", "peak": "much"}]}}`,
		"a sample that is not": `{"heapmageHistory": 1, "tasks": {"a": [7]}}`,
	} {
		t.Run(claim, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history.jsonl")
			s := open(t, path)
			_, err := s.Import("history", []byte(text))
			known := (*problem.Error)(nil)
			if !errors.As(err, &known) || !strings.HasPrefix(known.Where, "history") {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(path); err == nil || len(s.Tasks()) > 0 {
				t.Error("something changed")
			}
		})
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"heapmageHistory": 1, "tasks": {"a": [{"outcome": "succeeded", "peak": "402.00MB", "duration": "2s"}]}}`))
	f.Add([]byte(`{"heapmageHistory": 1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := parseExport("history", text)
		if known := (*problem.Error)(nil); err != nil && !errors.As(err, &known) {
			t.Fatalf("%v", err)
		}
		var h samples
		h.merge(found)
		if h.merge(found) {
			t.Fatal("a second import changes something")
		}
	})
}
