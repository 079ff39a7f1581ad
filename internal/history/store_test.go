package history

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// TestMain is also the process that adds to the history that ADD_TO names.
func TestMain(m *testing.M) {
	if path := os.Getenv("ADD_TO"); path != "" {
		addForEver(path, os.Getenv("ADD_AS"))
		return
	}
	goleak.VerifyTestMain(m)
}

// compact rewrites the file.
func compact(s *Store) error {
	s.file.Lock()
	defer s.file.Unlock()
	return s.rewriteLocked(time.Minute, func(*samples) bool { return true })
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
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
		t.Errorf("opened again: %d damaged, tasks %v", last.Damaged(), last.Tasks())
	}
}

func TestPlacesThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("can be opened, and fail when something is written", func(t *testing.T) {
		s, err := Open(filepath.Join(dir, "file", "history.jsonl"), Options{})
		if err != nil {
			t.Skipf("on this system Open fails already: %v", err)
		}
		if err := s.Add("a", run(1)); err != nil {
			t.Error(err)
		}
		if s.Flush() == nil {
			t.Error("it did not fail")
		}
		if len(s.Samples("a")) != 1 {
			t.Error("the store does not know the sample")
		}
	})
	t.Run("a folder in its place is an error", func(t *testing.T) {
		if _, err := Open(dir, Options{}); err == nil {
			t.Error("it was opened")
		}
	})
	t.Run("nothing is added after Close", func(t *testing.T) {
		s := open(t, filepath.Join(dir, "history.jsonl"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Import("x", []byte(`{"heapmageHistory": 1, "tasks": {"a": [{"outcome": "succeeded"}]}}`))
		if s.Add("a", run(1)) == nil || err == nil {
			t.Error("something was added")
		}
	})
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
			t.Fatalf("%q was read, but not what it was written as: %v", line, err)
		}
		var other samples
		other.addEntry(again)
		if !reflect.DeepEqual(h.of(nil, task), other.of(nil, string(again.task))) {
			t.Fatalf("%q changed", line)
		}
		// Both readers agree.
		if quick, ok := scan(line); ok {
			slow, err := decode(line)
			if err != nil || string(slow.task) != string(quick.task) || slow.peak != quick.peak || string(slow.outcome) != string(quick.outcome) {
				t.Fatalf("%q: scan %+v, decode %+v, %v", line, quick, slow, err)
			}
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
		if _, err := Open(path, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// hold takes the lock as another process would, for as long as the test needs it.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	_, release, err := s.lock(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return release
}

// TestAHeldLock: another run may be frozen while it has the lock. No task waits for it,
// and the scheduler gets its predictions all the same.
func TestAHeldLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	t.Run("delays no task, and what it holds up is written later", func(t *testing.T) {
		s := open(t, path)
		release := hold(t, s)
		began := time.Now()
		for range 50 {
			add(t, s, "core#build", run(100))
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("50 samples took %v", took)
		}
		if s.Predict(estimate.Question{Task: "core#build"}).Basis != estimate.FromHistory {
			t.Error("a sample is not known before it is written")
		}
		if n := len(open(t, path).Tasks()); n > 0 {
			t.Error("they were written under another's lock")
		}
		release()
		add(t, s, "web#build", run(100))
		if got := open(t, path).Tasks(); len(got) != 2 {
			t.Errorf("the next run knows %v", got)
		}
	})
	t.Run("is waited for at the end, once and not for long", func(t *testing.T) {
		s := open(t, path)
		s.patience = 50 * time.Millisecond
		release := hold(t, s)
		defer release()
		for range 12 {
			add(t, s, "late#build", run(100))
		}
		began := time.Now()
		err := s.Flush()
		if took := time.Since(began); err == nil || took < s.patience || took > 5*time.Second {
			t.Errorf("it took %v: %v", took, err)
		}
		if err == nil || !strings.Contains(err.Error(), "12 of the tasks") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("a damaged history can still be opened", func(t *testing.T) {
		damaged := filepath.Join(t.TempDir(), "history.jsonl")
		if err := os.WriteFile(damaged, []byte("garbage\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		release := hold(t, &Store{dir: filepath.Dir(damaged), name: "history.jsonl"})
		defer release()
		began := time.Now()
		if s := open(t, damaged); s.Damaged() != 1 || time.Since(began) > 2*time.Second {
			t.Errorf("%d damaged after %v", s.Damaged(), time.Since(began))
		}
	})
}

func TestALongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	long := strings.Repeat("x", 5000)
	s := open(t, path)
	add(t, s, long+"#build", run(100))
	add(t, s, long+"#test", run(200))
	again := open(t, path)
	for task, want := range map[string]memtools.Bytes{long + "#build": 100 * memtools.MB, long + "#test": 200 * memtools.MB} {
		if got := again.Samples(task); len(got) != 1 || got[0].Peak != want {
			t.Errorf("%d samples", len(got))
		}
	}
}
