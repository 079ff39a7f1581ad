package fingerprint

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const cacheFolder = ".heapmage/cache"

func open(root string) *Digests { return Open(root, cacheFolder, "digests") }

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// settle waits until a digest of the file would be kept: until the clock of the file system
// has gone on since the file was written.
func settle(t testing.TB, d *Digests, path string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		s, _, err := lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if d.clock.isPast(s) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the clock of the file system stands still")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestFile(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a.ts")
	write(t, path, "one")
	d := open(root)
	settle(t, d, path)

	t.Run("is the SHA-256 of the content", func(t *testing.T) {
		if got, err := d.File(path); err != nil || got != sha256.Sum256([]byte("one")) {
			t.Fatal(got, err)
		}
	})
	t.Run("is not computed again in a later run", func(t *testing.T) {
		if err := d.Save(); err != nil {
			t.Fatal(err)
		}
		later := open(root)
		e, ok := later.known["a.ts"]
		if !ok {
			t.Fatal("it was not kept")
		}
		e.digest = Sum("planted") // so that it shows where the answer comes from
		later.known["a.ts"] = e
		if got, err := later.File(path); err != nil || got != Sum("planted") {
			t.Error(got, err)
		}
	})
	t.Run("follows a change of the content", func(t *testing.T) {
		write(t, path, "two")
		if got, _ := open(root).File(path); got != sha256.Sum256([]byte("two")) {
			t.Error(got)
		}
	})
	t.Run("is computed again for another file under the name", func(t *testing.T) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(root, "other")
		write(t, other, "six")
		if err := errors.Join(os.Chtimes(other, info.ModTime(), info.ModTime()), os.Rename(other, path)); err != nil {
			t.Fatal(err)
		}
		if got, _ := d.File(path); got != sha256.Sum256([]byte("six")) {
			t.Error(got)
		}
	})
	t.Run("is an error if there is none", func(t *testing.T) {
		if _, err := d.File(filepath.Join(root, "gone")); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if _, err := d.File(root); !errors.Is(err, ErrNotFile) {
			t.Error(err)
		}
	})
}

// TestRacyEdit changes a file right after it was read, to a text as long: the change may
// leave all that lstat tells as it was.
func TestRacyEdit(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a.ts")
	d := open(root)
	for i := range 2000 {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{fmt.Sprintf("a%06d", i), fmt.Sprintf("b%06d", i)} {
			if _, err := f.WriteAt([]byte(text), 0); err != nil {
				t.Fatal(err)
			}
			if got, err := d.File(path); err != nil || got != sha256.Sum256([]byte(text)) {
				t.Fatalf("round %d: not the digest of %q (%v)", i, text, err)
			}
		}
		if i%500 == 0 {
			if err := d.Save(); err != nil {
				t.Fatal(err)
			}
			d = open(root)
		}
		_ = f.Close()
	}
}

func TestKeptFile(t *testing.T) {
	newKept := func(t *testing.T) (root, kept string) {
		root = t.TempDir()
		d := open(root)
		for i := range 20 {
			path := filepath.Join(root, "src", fmt.Sprint(i))
			write(t, path, fmt.Sprint(i))
			settle(t, d, path)
			if _, err := d.File(path); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Save(); err != nil {
			t.Fatal(err)
		}
		return root, filepath.Join(root, filepath.FromSlash(cacheFolder), "digests")
	}
	t.Run("is empty if it is damaged, whatever the damage", func(t *testing.T) {
		root, kept := newKept(t)
		text, err := os.ReadFile(kept)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(open(root).known); n != 20 {
			t.Fatalf("%d of 20 digests were kept", n)
		}
		for at := 0; at < len(text); at += 61 {
			damaged := append([]byte(nil), text...)
			damaged[at] ^= 0x55
			for _, text := range [][]byte{damaged, text[:at]} {
				write(t, kept, string(text))
				d := open(root)
				if len(d.known) > 0 {
					t.Fatalf("damage at %d was not seen", at)
				}
			}
		}
		d := open(root)
		if _, err := d.File(filepath.Join(root, "src", "1")); err != nil {
			t.Error(err)
		}
		if err := d.Save(); err != nil || len(open(root).known) != 1 {
			t.Error("it was not written anew:", err)
		}
	})
	t.Run("is one of those that several runs save at once", func(t *testing.T) {
		root, _ := newKept(t)
		var wait sync.WaitGroup
		for n := range 8 {
			wait.Go(func() {
				d := open(root)
				for i := range 20 {
					if i%8 != n {
						_, _ = d.File(filepath.Join(root, "src", fmt.Sprint(i)))
					}
				}
				d.added = true
				if err := d.Save(); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := len(open(root).known); n < 17 { // each saves at least what it used
			t.Errorf("%d digests", n)
		}
	})
	t.Run("that cannot be written is an error of Save only", func(t *testing.T) {
		root := t.TempDir()
		write(t, filepath.Join(root, ".heapmage"), "in the way")
		write(t, filepath.Join(root, "a"), "a")
		d := open(root)
		for range 2 {
			if got, err := d.File(filepath.Join(root, "a")); err != nil || got != sha256.Sum256([]byte("a")) {
				t.Fatal(got, err)
			}
		}
		if len(d.known) > 0 {
			t.Error("without a clock, a digest was taken for settled")
		}
		d.added = true
		if d.Save() == nil {
			t.Error("no error")
		}
	})
	t.Run("is bounded, and prefers what this run used", func(t *testing.T) {
		d := open(t.TempDir())
		for i := range mostEntries + 10 {
			d.known[fmt.Sprint("a", i)] = entry{}
		}
		d.known["z"] = entry{used: true}
		kept := d.kept()
		if len(kept) != mostEntries || kept[0] != "z" {
			t.Error(len(kept), kept[0])
		}
	})
}

func TestParallel(t *testing.T) {
	root := t.TempDir()
	d := open(root)
	var wait sync.WaitGroup
	for i := range 64 {
		path := filepath.Join(root, fmt.Sprint(i%16))
		if i < 16 {
			write(t, path, fmt.Sprint(i))
		}
		wait.Go(func() {
			if got, err := d.File(path); err != nil || got != sha256.Sum256([]byte(fmt.Sprint(i%16))) {
				t.Error(got, err)
			}
		})
	}
	wait.Wait()
	if err := d.Save(); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(header))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		parse(text)
		unseal(header, text)
	})
}

func TestSumTellsListsApart(t *testing.T) {
	seen := map[Digest][]string{}
	for _, list := range [][]string{nil, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}} {
		if other, ok := seen[Sum(list...)]; ok {
			t.Errorf("%q as %q", list, other)
		}
		seen[Sum(list...)] = list
	}
}

// BenchmarkKnown looks at 10,000 files whose digests are known.
func BenchmarkKnown(b *testing.B) {
	root := b.TempDir()
	var paths []string
	for i := range 10_000 {
		path := filepath.Join(root, fmt.Sprintf("packages/p%03d/src/file%d.ts", i/50, i))
		write(b, path, "export {}\n")
		paths = append(paths, path)
	}
	d := open(root)
	settle(b, d, paths[len(paths)-1])
	for _, path := range paths {
		if _, err := d.File(path); err != nil {
			b.Fatal(err)
		}
	}
	if err := d.Save(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d := open(root)
		if len(d.known) != len(paths) {
			b.Fatal(len(d.known))
		}
		for _, path := range paths {
			if _, err := d.File(path); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestUnsettled: the file could still change without a new time.
func TestUnsettled(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a.ts")
	write(t, path, "one")
	s, _, err := lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what   string
		now    int64
		device uint64
		kept   bool
	}{
		{"as young as the clock", s.youngest(), s.device, false},
		{"older than the clock", s.youngest() + 1, s.device, true},
		{"older than another clock", s.youngest() + 1, s.device + 1, false},
		{"much older than another clock", s.youngest() + int64(foreignAge) + 1, s.device + 1, true},
	} {
		d := open(root)
		d.clock = clock{open: func() *os.File { return nil }, now: tt.now, device: tt.device}
		_ = mustFile(t, d, path)
		if _, kept := d.known["a.ts"]; kept != tt.kept {
			t.Errorf("%s: kept is %v", tt.what, kept)
		}
	}
}
