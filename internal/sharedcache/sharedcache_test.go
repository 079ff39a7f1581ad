package sharedcache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/envelope"
	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/objectstore"
	"github.com/heapmage/heapmage/internal/signature"
	"github.com/heapmage/heapmage/internal/testkit"
)

// memory is a store in memory. Its functions replace its methods, unless they are nil.
type memory struct {
	mu         sync.Mutex
	objects    map[string][]byte
	createOnly bool
	get        func(ctx context.Context, name string) (io.ReadCloser, error)
	put        func(ctx context.Context, name string) error
	puts       []string
}

func (m *memory) Traits() objectstore.Traits {
	return objectstore.Traits{CreateOnly: m.createOnly, Where: "a test"}
}

func (m *memory) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if m.get != nil {
		return m.get(ctx, name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.objects[name]
	if !ok {
		return nil, objectstore.ErrAbsent
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

func (m *memory) Has(_ context.Context, name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.objects[name]
	return ok, nil
}

func (m *memory) Put(ctx context.Context, name string, c objectstore.Content) error {
	if m.put != nil {
		if err := m.put(ctx, name); err != nil {
			return err
		}
	}
	from, err := c.Open()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(from)
	if err := errors.Join(err, from.Close()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[name]; ok && m.createOnly {
		return objectstore.ErrExists
	}
	m.objects[name] = text
	m.puts = append(m.puts, name)
	return nil
}

// machine is one of those that share a store.
type machine struct {
	*Cache
	root  string
	local *cache.Store
	told  *[]string
}

const trusted = "trusted"

func newMachine(t *testing.T, s objectstore.Store, key signature.Secret, trust envelope.Trust, hide ...Hidden) machine {
	t.Helper()
	root := t.TempDir()
	local := cache.In(root)
	t.Cleanup(local.Close)
	var mu sync.Mutex
	var told []string
	c := Open(Options{Store: s, Local: local, Hide: hide, Access: Access{Reads: []Tier{{trusted, trust}}, Writes: trusted, Secret: key},
		Tell: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, text)
		}})
	return machine{c, root, local, &told}
}

// keep keeps a result with one file in the local cache.
func (m machine) keep(t *testing.T, key cache.Key, content string, change func(*cache.Entry)) *cache.Entry {
	t.Helper()
	testkit.Write(t, m.root, "dist/a.js", content)
	testkit.Write(t, m.root, "dist/sesame-open/a.js", content)
	root, err := os.OpenRoot(m.root)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	e := cache.Entry{Key: key, Task: "a#build", Duration: time.Minute, Files: []filetree.File{{Path: "dist/a.js"}}}
	if change != nil {
		change(&e)
	}
	stored, err := m.local.Put(t.Context(), e, root, strings.NewReader("its log"))
	if err != nil {
		t.Fatal(err)
	}
	return stored.Entry
}

func keyOf(text string) cache.Key { return cache.Key(fingerprint.Sum(text)) }

func newKey(t *testing.T) (signature.Secret, envelope.Trust) {
	t.Helper()
	key, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return key, envelope.Trust{Keys: []signature.Public{key.Public()}}
}

func setsOf(t *testing.T, c *Cache, weak cache.Key) (sets []string) {
	t.Helper()
	for set := range c.Sets(t.Context(), weak) {
		sets = append(sets, string(set))
	}
	return sets
}

func TestOneMachineMakesAnotherUses(t *testing.T) {
	s := &memory{objects: map[string][]byte{}, createOnly: true}
	key, trust := newKey(t)
	a, b := newMachine(t, s, key, trust), newMachine(t, s, signature.Secret{}, trust)
	weak, strong := keyOf("weak"), keyOf("strong")
	a.Store(a.keep(t, strong, "built", nil), weak, json.RawMessage(`["content a.ts"]`))
	if done := a.Close(t.Context()); done.Stored != 1 || done.Unstored+len(done.Withheld) != 0 {
		t.Fatalf("%+v; %q", done, *a.told)
	}
	if got := setsOf(t, b.Cache, weak); !slices.Equal(got, []string{`["content a.ts"]`}) {
		t.Errorf("sets: %q", got)
	}
	if e := b.Entry(t.Context(), strong); e == nil || e.Task != "a#build" || len(e.Files) != 1 {
		t.Errorf("entry: %+v", e)
	}
	if !b.Fetch(t.Context(), strong) {
		t.Fatalf("not fetched: %q", *b.told)
	}
	e, err := b.local.Get(strong)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(b.root)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := b.local.Restore(t.Context(), e, filetree.Target{Root: root, Have: func(string) (fingerprint.Digest, bool) { return fingerprint.Digest{}, false },
		May: func(string) bool { return true }}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(b.root, "dist/a.js")); string(text) != "built" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if b.Fetch(t.Context(), keyOf("another")) || len(*b.told) > 0 {
		t.Errorf("what is not there was fetched, or told: %q", *b.told)
	}
	if done := b.Close(t.Context()); done.Fetched != 1 || done.FetchedBytes == 0 {
		t.Errorf("%+v", done)
	}
}

func TestChain(t *testing.T) {
	s := &memory{objects: map[string][]byte{}, createOnly: true}
	key, trust := newKey(t)
	weak := keyOf("weak")
	a := newMachine(t, s, key, trust)
	add := func(set string) error { return a.addSet(weak, json.RawMessage(set)) }
	for _, set := range []string{`["a"]`, `["b"]`, `[ "a" ]`, `["b"]`} {
		if err := add(set); err != nil {
			t.Fatal(err)
		}
	}
	if got := setsOf(t, a.Cache, weak); !slices.Equal(got, []string{`["a"]`, `["b"]`}) {
		t.Errorf("%q", got)
	}
	all := []string{`["a"]`, `["b"]`}
	for n := range 40 {
		all = append(all, `["`+strings.Repeat("x", n+1)+`"]`)
		if err := add(all[len(all)-1]); err != nil {
			t.Fatal(err)
		}
	}
	want := slices.Clone(all[len(all)-lastSets:])
	slices.Reverse(want)
	want = append(slices.Clone(all[:firstSets]), want...)
	if got := setsOf(t, a.Cache, weak); !slices.Equal(got, want) {
		t.Errorf("of many: %q", got)
	}
	if err := add(all[len(all)-1]); err != nil || len(s.objects) != len(all) {
		t.Errorf("the last one is stored again: %v, %d", err, len(s.objects))
	}
	at := name(trusted, manifests, manifestKey(weak, 0))
	s.objects[at] = s.objects[at][:50]
	if got := setsOf(t, a.Cache, weak); !slices.Equal(got, want[1:]) {
		t.Errorf("behind one that is damaged: %q", got)
	}
	delete(s.objects, name(trusted, manifests, manifestKey(weak, 1)))
	if got := setsOf(t, a.Cache, weak); len(got) > 0 {
		t.Errorf("behind a gap: %q", got)
	}
}

func TestRunsThatStoreTheSameSet(t *testing.T) {
	s := &memory{objects: map[string][]byte{}, createOnly: true}
	key, trust := newKey(t)
	weak := keyOf("weak")
	var all sync.WaitGroup
	for range 8 {
		m := newMachine(t, s, key, trust)
		all.Go(func() {
			if err := m.addSet(weak, json.RawMessage(`["a"]`)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(s.objects) != 1 {
		t.Errorf("it is there %d times", len(s.objects))
	}
}

func TestAResultInWhosePlaceSomethingElseStands(t *testing.T) {
	s := &memory{objects: map[string][]byte{}, createOnly: true}
	key, trust := newKey(t)
	a := newMachine(t, s, key, trust)
	s.objects[name(trusted, results, keyOf("k").String())] = []byte("half")
	a.Store(a.keep(t, keyOf("k"), "built", nil), keyOf("w"), json.RawMessage(`[]`))
	if done := a.Close(t.Context()); done.Stored != 0 || done.Unstored != 1 || done.Why != errTaken.Error() {
		t.Errorf("%+v", done)
	}
}

func TestAResultThatWasReplacedMeanwhile(t *testing.T) {
	s := &memory{objects: map[string][]byte{}}
	key, trust := newKey(t)
	a := newMachine(t, s, key, trust)
	old := a.keep(t, keyOf("k"), "old", nil)
	testkit.Write(t, a.root, "dist/a.js", "new")
	root, err := os.OpenRoot(a.root)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := a.local.Replace(t.Context(), cache.Entry{Key: keyOf("k"), Task: "a#build", Files: []filetree.File{{Path: "dist/a.js"}}}, root, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	a.Store(old, keyOf("w"), json.RawMessage(`[]`))
	if done := a.Close(t.Context()); done.Stored != 0 || len(s.objects) > 0 {
		t.Errorf("the new list of files was stored with the old files: %+v", done)
	}
}

// TestBodiesThatBreakOff: the error of a connection that is reset has the number of one of the system, as
// those of a full disk have.
func TestBodiesThatBreakOff(t *testing.T) {
	s := &memory{objects: map[string][]byte{}}
	key, trust := newKey(t)
	a := newMachine(t, s, key, trust)
	a.Store(a.keep(t, keyOf("k"), strings.Repeat("built", 100), nil), keyOf("w"), json.RawMessage(`[]`))
	a.Close(t.Context())
	text := s.objects[name(trusted, results, keyOf("k").String())]
	for _, left := range []int{len(text) - 10, 20, 0} {
		asked := 0
		s.get = func(context.Context, string) (io.ReadCloser, error) {
			asked++
			reset := readerFunc(func([]byte) (int, error) {
				return 0, fmt.Errorf("the server cannot be reached: %w", syscall.ECONNRESET)
			})
			return io.NopCloser(io.MultiReader(bytes.NewReader(text[:left]), reset)), nil
		}
		b := newMachine(t, s, key, trust)
		for range 100 {
			if b.Fetch(t.Context(), keyOf("k")) {
				t.Fatal("half of it was used")
			}
		}
		if asked != inARow || len(*b.told) != 1 || !strings.Contains((*b.told)[0], "not used any more") {
			t.Errorf("after %d bytes: asked %d times; told %q", left, asked, *b.told)
		}
	}
}

func TestFewFailuresAreTold(t *testing.T) {
	s := &memory{get: func(context.Context, string) (io.ReadCloser, error) { return nil, errors.New("it answered 500") }}
	_, trust := newKey(t)
	m := newMachine(t, s, signature.Secret{}, trust)
	if m.Fetch(t.Context(), keyOf("k")) || len(*m.told) > 0 {
		t.Errorf("%q", *m.told)
	}
	if m.Close(t.Context()); len(*m.told) != 1 || !strings.Contains((*m.told)[0], "500") {
		t.Errorf("%q", *m.told)
	}
}

func TestAStoreThatIsSlow(t *testing.T) {
	key, trust := newKey(t)
	local := cache.In(t.TempDir())
	defer local.Close()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		s := &memory{get: func(context.Context, string) (io.ReadCloser, error) {
			time.Sleep(2 * time.Second)
			return nil, objectstore.ErrAbsent
		}}
		c := Open(Options{Store: s, Local: local, Tell: func(text string) { told = append(told, text) },
			Access: Access{Reads: []Tier{{trusted, trust}}, Writes: trusted, Secret: key}})
		began := time.Now()
		for range 100 {
			for range c.Sets(t.Context(), keyOf("w")) {
				t.Fatal("there is a set")
			}
		}
		if took := time.Since(began); took > mostLost+soon || len(told) != 1 || !strings.Contains(told[0], "slow") {
			t.Errorf("%v, told %q", took, told)
		}
	})
}

func TestWhatAnotherHasPutThere(t *testing.T) {
	key, trust := newKey(t)
	evil, _ := newKey(t)
	weak, strong := keyOf("weak"), keyOf("strong")
	for _, tt := range []struct {
		claim string
		do    func(t *testing.T, s *memory)
		why   string
	}{
		{"a result that another key has signed", func(t *testing.T, s *memory) {
			m := newMachine(t, s, evil, envelope.Trust{Keys: []signature.Public{evil.Public()}})
			m.Store(m.keep(t, strong, "evil", nil), weak, json.RawMessage(`["a"]`))
			m.Close(t.Context())
		}, "not among the trusted"},
		{"a result that nobody has signed", func(t *testing.T, s *memory) {
			m := newMachine(t, s, signature.Secret{}, envelope.Trust{Unsigned: true})
			m.Store(m.keep(t, strong, "evil", nil), weak, json.RawMessage(`["a"]`))
			m.Close(t.Context())
		}, "not signed"},
		{"the signed result of another key", func(t *testing.T, s *memory) {
			m := newMachine(t, s, key, trust)
			m.Store(m.keep(t, keyOf("other"), "evil", nil), weak, json.RawMessage(`["a"]`))
			m.Close(t.Context())
			s.objects[name(trusted, results, strong.String())] = s.objects[name(trusted, results, keyOf("other").String())]
		}, "another name"},
		{"a result of another tier", func(t *testing.T, s *memory) {
			m := newMachine(t, s, key, trust)
			m.access.Writes = "pull-1"
			m.access.Reads = []Tier{{"pull-1", trust}}
			m.Store(m.keep(t, strong, "evil", nil), weak, json.RawMessage(`["a"]`))
			m.Close(t.Context())
			s.objects[name(trusted, results, strong.String())] = s.objects[name("pull-1", results, strong.String())]
		}, "another name"},
		{"a result whose content was changed", func(t *testing.T, s *memory) {
			m := newMachine(t, s, key, trust)
			m.Store(m.keep(t, strong, "evil", nil), weak, json.RawMessage(`["a"]`))
			m.Close(t.Context())
			text := s.objects[name(trusted, results, strong.String())]
			text[len(text)-1] ^= 1
		}, "digest is wrong"},
		{"bytes", func(_ *testing.T, s *memory) {
			s.objects[name(trusted, results, strong.String())] = []byte(strings.Repeat("evil", 100))
		}, "no object"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s := &memory{objects: map[string][]byte{}}
			tt.do(t, s)
			if len(s.objects) == 0 {
				t.Fatal("nothing was put there")
			}
			b := newMachine(t, s, key, trust)
			if ok := b.Fetch(t.Context(), strong); ok || len(*b.told) != 1 || !strings.Contains((*b.told)[0], tt.why) {
				t.Errorf("fetched: %v, %q", ok, *b.told)
			}
			if e := b.Entry(t.Context(), strong); e != nil && tt.why != "digest is wrong" { // which is about its files
				t.Errorf("entry: %+v", e)
			}
			if _, err := b.local.Get(strong); err == nil {
				t.Error("it is in the local cache")
			}
			// What does not count is replaced where the store lets us.
			b.Store(b.keep(t, strong, "good", nil), weak, json.RawMessage(`["a"]`))
			b.Close(t.Context())
			c := newMachine(t, s, signature.Secret{}, trust)
			if !c.Fetch(t.Context(), strong) {
				t.Errorf("the own one is not fetched: %q", *c.told)
			}
			if sets := setsOf(t, c.Cache, weak); !slices.Contains(sets, `["a"]`) {
				t.Errorf("sets: %q", sets)
			}
		})
	}
}

func TestWhatStaysHere(t *testing.T) {
	key, trust := newKey(t)
	for _, tt := range []struct {
		claim, content string
		change         func(*cache.Entry)
	}{
		{"a result that must stay on this machine", "fine", func(e *cache.Entry) { e.Local = []string{"it read /opt/tool"} }},
		{"one that holds a secret", "const token = 'sesame-open'", nil},
		{"one with a file that is called by a secret", "fine", func(e *cache.Entry) { e.Files[0].Path = "dist/sesame-open/a.js" }},
		{"one that holds a secret at the end of a piece", strings.Repeat("x", 64<<10-30) + "sesame-open", nil},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s := &memory{objects: map[string][]byte{}}
			a := newMachine(t, s, key, trust, Hidden{Text: "sesame-open", What: "a secret"})
			a.Store(a.keep(t, keyOf("k"), tt.content, tt.change), keyOf("w"), json.RawMessage(`[]`))
			if done := a.Close(t.Context()); len(done.Withheld) != 1 || done.Stored != 0 || len(s.objects) > 0 {
				t.Errorf("%+v, %d objects", done, len(s.objects))
			}
		})
	}
}

func TestWhose(t *testing.T) {
	e := &cache.Entry{Task: "web#build", LogSize: 5, Files: []filetree.File{
		{Path: "dist", Kind: filetree.Folder}, {Path: "dist/a", Kind: filetree.Regular, Size: 3}, {Path: "dist/l", Kind: filetree.Link, Target: "a"}, {Path: "dist/b", Kind: filetree.Regular, Size: 4},
	}}
	for at, want := range map[int64]string{0: "the name of dist", 6: "the name of dist/a", 22: "the name of dist/l", 30: "the name of dist/b",
		31: "the log of web#build", 35: "the log of web#build", 36: "dist/a", 38: "dist/a", 39: "dist/b", 42: "dist/b"} {
		if got := whose(e, at); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

// TestFewFailuresAreTold: those that do not end the use are told at the end, with the reason.
func TestAStoreThatFailsIsGivenUp(t *testing.T) {
	key, trust := newKey(t)
	for _, tt := range []struct {
		claim string
		get   func(ctx context.Context, name string) (io.ReadCloser, error)
		most  time.Duration // that looking up 100 results may take
		asked int           // at most
	}{
		{"it fails at once", func(context.Context, string) (io.ReadCloser, error) { return nil, errors.New("it answered 500") }, 0, inARow},
		{"it refuses", func(context.Context, string) (io.ReadCloser, error) { return nil, objectstore.ErrRefused }, 0, 1},
		{"it hangs", func(ctx context.Context, _ string) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}, mostLost + soon, 3},
		{"it hangs, and cannot be stopped", func(context.Context, string) (io.ReadCloser, error) {
			time.Sleep(time.Hour)
			return nil, errors.New("late")
		}, mostLost + soon, 3},
		{"its bodies hang", func(ctx context.Context, _ string) (io.ReadCloser, error) {
			return io.NopCloser(readerFunc(func([]byte) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) })), nil
		}, mostLost + soon, 3},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			local := cache.In(t.TempDir())
			defer local.Close()
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64 // what hangs is left behind
				var told []string
				s := &memory{get: func(ctx context.Context, name string) (io.ReadCloser, error) { asked.Add(1); return tt.get(ctx, name) }}
				c := Open(Options{Store: s, Local: local, Tell: func(text string) { told = append(told, text) },
					Access: Access{Reads: []Tier{{trusted, trust}}, Writes: trusted, Secret: key}})
				began := time.Now()
				for range 100 {
					if c.Fetch(t.Context(), keyOf("k")) {
						t.Fatal("there is a result")
					}
				}
				if took := time.Since(began); took > tt.most || int(asked.Load()) > tt.asked || len(told) != 1 {
					t.Errorf("%v, asked %d times, told %q", took, asked.Load(), told)
				}
				time.Sleep(2 * time.Hour) // what hangs ends
			})
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAFetchThatDoesNotPayEnds(t *testing.T) {
	key, trust := newKey(t)
	s := &memory{objects: map[string][]byte{}}
	a := newMachine(t, s, key, trust)
	strong := keyOf("strong")
	noise := make([]byte, 0, 1<<20)
	for n := range 1 << 17 {
		sum := fingerprint.Sum(string(rune(n)))
		noise = append(noise, sum[:8]...)
	}
	a.Store(a.keep(t, strong, string(noise), nil), keyOf("weak"), json.RawMessage(`[]`))
	if done := a.Close(t.Context()); done.Stored != 1 {
		t.Fatalf("%+v", done)
	}
	text := s.objects[name(trusted, results, strong.String())]
	local := cache.In(t.TempDir())
	defer local.Close()
	synctest.Test(t, func(t *testing.T) {
		// 1 KB a second: it would take a quarter of an hour, and the task took a minute.
		s := &memory{get: func(ctx context.Context, _ string) (io.ReadCloser, error) {
			rest := text
			return io.NopCloser(readerFunc(func(p []byte) (int, error) {
				time.Sleep(time.Second)
				n := copy(p[:min(len(p), 1<<10)], rest)
				rest = rest[n:]
				return n, ctx.Err()
			})), nil
		}}
		c := Open(Options{Store: s, Local: local, Tell: func(string) {}, Access: Access{Reads: []Tier{{trusted, trust}}}})
		began := time.Now()
		if c.Fetch(t.Context(), strong) {
			t.Error("it was fetched")
		}
		if took := time.Since(began); took > grace+2*look {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Hour)
	})
}

func TestPays(t *testing.T) {
	h := envelope.Header{Takes: time.Minute, Parts: []envelope.Part{{Size: 100 << 20}}}
	for _, tt := range []struct {
		claim string
		read  int64
		took  time.Duration
		want  bool
	}{
		{"at first", 0, time.Second, true},
		{"half of it in half the time", 50 << 20, 30 * time.Second, true},
		{"a tenth of it in half the time", 10 << 20, 30 * time.Second, false},
		{"nothing of it", 0, 3 * time.Second, false},
	} {
		if got := pays(h, tt.read, tt.took); got != tt.want {
			t.Errorf("%s: %v", tt.claim, got)
		}
	}
}

func TestUploadsDoNotHoldTheEndUp(t *testing.T) {
	key, trust := newKey(t)
	s := &memory{objects: map[string][]byte{}, put: func(ctx context.Context, _ string) error { <-ctx.Done(); return context.Cause(ctx) }}
	a := newMachine(t, s, key, trust)
	e := a.keep(t, keyOf("k"), "built", nil)
	ctx, cancel := context.WithCancel(t.Context())
	a.Store(e, keyOf("w"), json.RawMessage(`[]`))
	cancel()
	if done := a.Close(ctx); done.Stored != 0 {
		t.Errorf("%+v", done)
	}
	a.Store(e, keyOf("w"), json.RawMessage(`[]`)) // after the end it is none
	a.uploads.Wait()
}
