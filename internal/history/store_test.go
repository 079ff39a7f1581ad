package history

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// TestMain is also the process that adds to a history, where ADD_TO names one.
func TestMain(m *testing.M) {
	if path := os.Getenv("ADD_TO"); path != "" {
		addForEver(path, os.Getenv("ADD_AS"))
		return
	}
	goleak.VerifyTestMain(m)
}

// addForEver adds samples whose peaks count up, says each that is acknowledged,
// and rewrites the file now and then.
func addForEver(path, task string) {
	s, err := Open(path)
	for n := 1; err == nil; n++ {
		if err = s.Add(task, estimate.Sample{Outcome: estimate.Succeeded, Peak: memtools.Bytes(n) * memtools.MB}); err == nil {
			fmt.Println(n)
		}
		if n%7 == 0 && err == nil {
			err = compact(s)
		}
		if most, _ := strconv.Atoi(os.Getenv("ADD_MOST")); n == most {
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// compact rewrites the file.
func compact(s *Store) error {
	s.file.Lock()
	defer s.file.Unlock()
	return s.rewriteLocked(func(*samples) bool { return true })
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func add(t *testing.T, s *Store, task string, x estimate.Sample) {
	t.Helper()
	if err := s.Add(task, x); err != nil {
		t.Fatal(err)
	}
}

func TestStoreRemembers(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(dir, strconv.Itoa(n), "history.jsonl")
		s := open(t, path)
		want := map[string][]estimate.Sample{}
		for _, task := range []string{"core#build", `odd "name"é#test`} {
			for _, x := range draw(rt, 0) {
				add(t, s, task, x)
			}
			want[task] = s.Samples(task)
		}
		check := func(s *Store, what string) {
			for task, samples := range want {
				if got := s.Samples(task); !reflect.DeepEqual(got, samples) {
					rt.Fatalf("%s: %s has\n%+v\nwant\n%+v", what, task, got, samples)
				}
			}
		}
		check(open(t, path), "opened again")
		if err := compact(s); err != nil {
			rt.Fatal(err)
		}
		check(s, "compacted")
		check(open(t, path), "opened after that")
		if s := open(t, path); s.Damaged() != 0 {
			rt.Fatalf("%d lines are damaged", s.Damaged())
		}
	})
}

func TestExportCarriesThePredictions(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n += 2
		s, other := open(t, filepath.Join(dir, strconv.Itoa(n))), open(t, filepath.Join(dir, strconv.Itoa(n+1)))
		for i, x := range draw(rt, 0) {
			x.Time = time.Unix(int64(i+1), 0)   // runs at one time with equal figures are one
			x.HeapLimit = x.HeapLimit / mb * mb // two of them may not become equal
			x.Sources = 0                       // of the runs cut off, the largest is carried, not the one that grew most
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
			if n, err := other.Import(bytes.NewReader(text.Bytes())); err != nil || n != 1 {
				rt.Fatalf("%d tasks, %v\n%s", n, err, text.String())
			}
		}
		a, b := s.Predict(asked), other.Predict(asked)
		// A smaller run under a smaller heap limit could ask for more than the
		// largest one that is carried, by what its limit may have held back: a third.
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
			_, err := s.Import(strings.NewReader(text))
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

func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	s := open(t, path)
	add(t, s, "a#build", run(100))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("garbage\n" + strings.Repeat("x", 200_000) + "\n{\"t\":\"a#build\",\"o\":\"succ"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	add(t, s, "b#build", run(200)) // after half a line
	again := open(t, path)
	if again.Damaged() != 3 || len(again.Tasks()) != 2 {
		t.Errorf("%d damaged, tasks %v", again.Damaged(), again.Tasks())
	}
	if aside, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.HasPrefix(aside, []byte("garbage\n")) || len(aside) > 20_000 {
		t.Errorf("%d bytes are aside, %v", len(aside), err)
	}
	if last := open(t, path); last.Damaged() != 0 || len(last.Tasks()) != 2 {
		t.Errorf("the next time: %d damaged, tasks %v", last.Damaged(), last.Tasks())
	}
}

func TestPlacesThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("can be opened, and say so when something is added", func(t *testing.T) {
		s, err := Open(filepath.Join(dir, "file", "history.jsonl"))
		if err != nil {
			t.Skipf("this system tells already when it is opened: %v", err)
		}
		if err := s.Add("a", run(1)); err == nil {
			t.Error("it was not said")
		}
		if len(s.Samples("a")) != 1 {
			t.Error("this store does not know it either")
		}
	})
	t.Run("a folder in its place is an error", func(t *testing.T) {
		if _, err := Open(dir); err == nil {
			t.Error("it is none")
		}
	})
	t.Run("nothing is added after Close", func(t *testing.T) {
		s := open(t, filepath.Join(dir, "history.jsonl"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Import(strings.NewReader(`{"heapmageHistory": 1, "tasks": {"a": [{"outcome": "succeeded"}]}}`))
		if s.Add("a", run(1)) == nil || err == nil {
			t.Error("something was")
		}
	})
}

// adder starts a process that adds to a history.
func adder(path, task string, most int) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "ADD_TO="+path, "ADD_AS="+task, "ADD_MOST="+strconv.Itoa(most))
	return c
}

func TestTwoProcessesLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	var all sync.WaitGroup
	for _, task := range []string{"a", "b", "c"} {
		all.Go(func() {
			if out, err := adder(path, task, 60).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	s := open(t, path)
	for _, task := range []string{"a", "b", "c"} {
		got := s.Samples(task)
		if len(got) != kept || got[kept-1].Peak != 60*memtools.MB {
			t.Errorf("%s: %d samples, the last of %v", task, len(got), got[len(got)-1].Peak)
		}
	}
	if s.Damaged() > 0 {
		t.Errorf("%d lines are damaged", s.Damaged())
	}
}

func TestKilledAtAnyMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("kills 100 processes; left out with -short")
	}
	path := filepath.Join(t.TempDir(), "history.jsonl")
	for i := range 100 {
		c := adder(path, "a", 0)
		var out bytes.Buffer
		c.Stdout = &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(5+i) * time.Millisecond / 2)
		_ = c.Process.Kill()
		_ = c.Wait()
		said := strings.Fields(out.String())
		if len(said) == 0 {
			continue // it was killed before the first
		}
		acknowledged, err := strconv.Atoi(said[len(said)-1])
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, path)
		samples := s.Samples("a")
		if len(samples) == 0 || samples[len(samples)-1].Peak < memtools.Bytes(acknowledged)*memtools.MB {
			t.Fatalf("kill %d: %d were acknowledged, the last that is known is %v", i, acknowledged, samples[len(samples)-1].Peak)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"t":"core#build","a":1,"o":"succeeded","p":5,"d":1,"c":2,"h":3,"s":4,"w":"tsc","v":"node 20"}`))
	f.Add([]byte(`{"t":"\u00e9","o":"killed"}`))
	f.Add([]byte(`{"t":"a","o":"killed","p":-1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseLine(line)
		if err != nil {
			return
		}
		var h samples
		h.addEntry(e)
		task := string(e.task)
		again, err := parseLine(appendLine(nil, task, h.of(nil, task)[0]))
		if err != nil {
			t.Fatalf("%q was read, but not what was written of it: %v", line, err)
		}
		var other samples
		other.addEntry(again)
		if !reflect.DeepEqual(h.of(nil, task), other.of(nil, string(again.task))) {
			t.Fatalf("%q changed", line)
		}
		// The quick reader and the other agree.
		if quick, ok := scan(line); ok {
			slow, err := decode(line)
			if err != nil || string(slow.task) != string(quick.task) || slow.peak != quick.peak || string(slow.outcome) != string(quick.outcome) {
				t.Fatalf("%q: quickly %+v, otherwise %+v, %v", line, quick, slow, err)
			}
		}
	})
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

func BenchmarkOpen100k(b *testing.B) {
	path := filepath.Join(b.TempDir(), "history.jsonl")
	var text []byte
	for i := range 100_000 {
		text = appendLine(text, fmt.Sprintf("package-%d#build", i/20), run(memtools.Bytes(i%1000)))
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Open(path); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPredictionsDoNotWait: another run may be frozen while it has the lock; the
// scheduler, which asks for predictions, must not be.
func TestPredictionsDoNotWait(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "history.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	s.patience = time.Minute
	unlock, err := s.lock() // as another process would
	if err != nil {
		t.Fatal(err)
	}
	added := make(chan error)
	go func() { added <- s.Add("core#build", estimate.Sample{Outcome: estimate.Succeeded, Peak: memtools.GB}) }()
	deadline := time.Now().Add(20 * time.Second)
	for s.Predict(estimate.Question{Task: "core#build"}).Basis != estimate.FromHistory {
		if time.Now().After(deadline) {
			t.Fatal("what is added is not known before it is written")
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-added:
		t.Errorf("it was written under another's lock: %v", err)
	default:
	}
	unlock()
	if err := <-added; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
