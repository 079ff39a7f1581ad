package cache

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// age makes all files of the cache older.
func (w *world) age(by time.Duration) {
	w.t.Helper()
	err := filepath.WalkDir(w.path(dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		then := info.ModTime().Add(-by)
		return os.Chtimes(name, then, then)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) prune(most memtools.Bytes) Pruned {
	w.t.Helper()
	p, err := w.Prune(w.t.Context(), most)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) has(key string) bool {
	_, err := w.Get(keyOf(key))
	return err == nil
}

// different stores an entry whose blob takes about a number of bytes.
func (w *world) different(key string, size int) *Entry {
	w.t.Helper()
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		sum := keyOf(fmt.Sprint(key, n))
		b.Write(sum[:])
	}
	w.file("dist/a", b.String())
	return w.put(key)
}

func TestPrune(t *testing.T) {
	t.Run("without a cache, and of a small one, removes nothing", func(t *testing.T) {
		w := newWorld(t)
		if p := w.prune(0); p != (Pruned{}) || exists(w.path(".heapmage")) {
			t.Errorf("%+v", p)
		}
		w.different("k", 1000)
		w.age(time.Hour)
		if p := w.prune(0); p != (Pruned{}) || !w.has("k") {
			t.Errorf("%+v", p)
		}
	})
	t.Run("removes what was not used for longest", func(t *testing.T) {
		w := newWorld(t)
		for _, key := range []string{"a", "b", "c", "d"} {
			w.different(key, 10_000)
			w.age(time.Hour)
		}
		w.Use(keyOf("a"), keyOf("weak"))
		s, err := w.Stats(t.Context())
		if err != nil || s.Entries != 4 || s.Tasks != 4 || s.Bytes < 40_000 || s.Bytes > 50_000 || s.Newest.Sub(s.Oldest) < 3*time.Hour {
			t.Errorf("%+v, %v", s, err)
		}
		if p := w.prune(25_000); p.Entries != 2 || p.Bytes < 20_000 {
			t.Errorf("%+v", p)
		}
		if !w.has("a") || w.has("b") || w.has("c") || !w.has("d") || len(w.cached(blobs)) != 2 {
			t.Error(w.cached(entries))
		}
	})
	t.Run("keeps a blob that another entry needs", func(t *testing.T) {
		w := newWorld(t)
		w.different("a", 10_000)
		w.age(time.Hour)
		w.put("b")
		if w.prune(11_000); w.has("a") || !w.has("b") {
			t.Error(w.cached(entries))
		}
	})
	t.Run("removes what is of no use, when it is not fresh", func(t *testing.T) {
		w := newWorld(t)
		lost, other := w.different("lost", 1000), w.different("other", 1000)
		alone := w.different("alone", 1000)
		w.different("kept", 1000)
		_ = os.Remove(w.blobPath(lost))
		_ = os.Remove(w.entryPath(alone))
		w.file(dir+"/entries/"+other.Key.entryFile(), "{\"format\":7}\n")
		w.file(dir+"/entries/mine.json", "x")
		w.file(dir+"/digests", "x")
		w.prune(0)
		if !exists(w.blobPath(alone)) {
			t.Error("a fresh blob was removed")
		}
		w.age(time.Hour)
		w.prune(0)
		if exists(w.blobPath(alone)) || exists(w.entryPath(lost)) || exists(w.entryPath(other)) || exists(w.blobPath(other)) {
			t.Error("something is left")
		}
		if !w.has("kept") || !exists(w.path(dir+"/entries/mine.json")) || !exists(w.path(dir+"/digests")) {
			t.Error("it removed too much")
		}
	})
	t.Run("keeps an entry that was used since it was listed, and its blob", func(t *testing.T) {
		w := newWorld(t)
		e := w.different("k", 1000)
		w.age(time.Hour)
		c, err := w.list(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.Use(e.Key, Key{})
		folder, err := w.open("")
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		if removed, err := c.entries[0].remove(folder); removed || err != nil {
			t.Error(removed, err)
		}
	})
	t.Run("removes the drafts of killed processes only", func(t *testing.T) {
		w := newWorld(t)
		w.different("k", 10)
		d, err := w.draft(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.write(blobs, []byte("x")); err != nil {
			t.Fatal(err)
		}
		const gone = "00000000000000aa"
		for _, name := range []string{gone + ".lock", gone + ".blobs", "foreign"} {
			w.file(dir+"/tmp/"+name, "x")
		}
		w.prune(0)
		if n := len(w.cached(temps)); n != 5 {
			t.Errorf("fresh ones went: %v", w.cached(temps))
		}
		w.age(time.Hour)
		w.prune(0)
		if got := strings.Join(w.cached(temps), " "); !strings.Contains(got, d.id+".blobs") || strings.Contains(got, gone) || !strings.Contains(got, "foreign") {
			t.Error(got)
		}
		w.age(2 * oldDraft)
		w.prune(0)
		if got := w.cached(temps); len(got) != 1 {
			t.Error(got)
		}
		d.close()
	})
}

func TestPruneRemovesBlobsOfFormat1(t *testing.T) {
	w := newWorld(t)
	e := w.different("new", 1000)
	old := dir + "/blobs/" + e.Blob.String() + ".zst"
	w.file(old, "packed by zstd")
	w.age(time.Hour)
	if w.prune(0); exists(w.path(old)) || !exists(w.blobPath(e)) {
		t.Error(w.cached(blobs))
	}
}

func TestCheck(t *testing.T) {
	w := newWorld(t)
	bad, lost := w.different("bad", 1000), w.different("lost", 1000)
	w.different("good", 1000)
	text, _ := os.ReadFile(w.blobPath(bad))
	text[len(text)/2] ^= 1
	w.file(dir+"/blobs/"+blobFile(bad.Blob), string(text))
	_ = os.Remove(w.blobPath(lost))
	checked, faults, err := w.Check(t.Context())
	if err != nil || checked != 3 || len(faults) != 2 {
		t.Fatal(checked, faults, err)
	}
	for _, f := range faults {
		if want := map[string]Why{"bad": Damaged, "lost": Lost}[f.Task]; f.Miss.Why != want {
			t.Errorf("%s: %v", f.Task, f.Miss)
		}
	}
	if checked, faults, err = w.Check(t.Context()); checked != 1 || len(faults) > 0 || err != nil {
		t.Error(checked, faults, err)
	}
}

func TestManifests(t *testing.T) {
	w := newWorld(t)
	weak := keyOf("weak")
	get := func() string {
		t.Helper()
		sets, err := w.Manifests(weak)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(sets)
		return string(text)
	}
	add := func(set string) {
		t.Helper()
		if err := w.AddManifest(t.Context(), weak, []byte(set)); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(); got != "null" || exists(w.path(".heapmage")) {
		t.Error(got)
	}
	add(`{"a": 1}`)
	add(`2`)
	if got := get(); got != `[2,{"a":1}]` {
		t.Error(got)
	}
	add(`{"a":1}`)
	if got := get(); got != `[{"a":1},2]` {
		t.Errorf("an equal one: %s", got)
	}
	for n := 10; n < 40; n++ {
		add(fmt.Sprint(n))
	}
	if sets, _ := w.Manifests(weak); len(sets) != mostManifests || string(sets[0]) != "39" || string(sets[15]) != "24" {
		t.Errorf("%s", sets)
	}
	if err := w.AddManifest(t.Context(), weak, []byte("{")); whyOf(err) != Unsuitable {
		t.Error(err)
	}
	name := w.path(dir + "/manifests/" + weak.manifestFile())
	text, _ := os.ReadFile(name)
	text[len(text)-2] ^= 1
	_ = os.WriteFile(name, text, 0o644)
	if _, err := w.Manifests(weak); whyOf(err) != Damaged || exists(name) {
		t.Error(err)
	}
	_ = os.WriteFile(name, []byte("{\"format\":3}\n"), 0o644)
	if _, err := w.Manifests(weak); whyOf(err) != OtherFormat {
		t.Error(err)
	}
	add(`1`)
	if got := get(); got != `[1]` {
		t.Error(got)
	}
	w.isClean()
	t.Run("are bounded in size", func(t *testing.T) {
		if testing.Short() {
			t.Skip("writes 35 MB of JSON; left out with -short")
		}
		for n := range 5 {
			add(`"` + strings.Repeat(string(rune('a'+n)), 7<<20) + `"`)
		}
		if sets, err := w.Manifests(weak); err != nil || len(sets) != 2 || sets[0][1] != 'e' {
			t.Error(len(sets), err)
		}
	})
}

// What was used when the clock was ahead goes first, and not only once the time has come.
func TestUsedInTheFuture(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", "a")
	future := w.put("future")
	w.put("later")
	ahead := time.Now().Add(10 * 365 * 24 * time.Hour)
	if err := os.Chtimes(w.entryPath(future), ahead, ahead); err != nil {
		t.Fatal(err)
	}
	if !w.has("future") {
		t.Error("it is not found")
	}
	stats, err := w.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Prune(t.Context(), stats.Bytes-1); err != nil || w.has("future") || !w.has("later") {
		t.Errorf("%v: %v", err, w.cached(entries))
	}
}
