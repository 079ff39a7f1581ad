package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/golang/snappy"
)

func (w *world) entryPath(e *Entry) string { return w.path(dir + "/entries/" + e.Key.entryFile()) }
func (w *world) blobPath(e *Entry) string  { return w.path(dir + "/blobs/" + blobFile(e.Blob)) }

// exists reports whether a file is there.
func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func TestMisses(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		harm   func(w *world, e *Entry) error
		want   Why
		remove bool // the entry goes
	}{
		{"an entry that does not exist", func(w *world, e *Entry) error { return os.Remove(w.entryPath(e)) }, Absent, false},
		{"no cache", func(w *world, _ *Entry) error { return os.RemoveAll(w.path(".heapmage")) }, Absent, false},
		{"an entry of another version", func(w *world, e *Entry) error {
			return os.WriteFile(w.entryPath(e), []byte(`{"format":9,"any":["thing"]}`+"\n"), 0o644)
		}, OtherFormat, false},
		{"an entry that tells no version", func(w *world, e *Entry) error {
			text, err := os.ReadFile(w.entryPath(e))
			return errors.Join(err, os.WriteFile(w.entryPath(e), bytes.Replace(text, []byte(`"format":2,`), nil, 1), 0o644))
		}, OtherFormat, false},
		{"an empty entry", func(w *world, e *Entry) error { return os.Truncate(w.entryPath(e), 0) }, Damaged, true},
		{"half an entry", func(w *world, e *Entry) error { return os.Truncate(w.entryPath(e), 300) }, Damaged, true},
		{"an entry of another key", func(w *world, e *Entry) error {
			return os.Rename(w.entryPath(w.put("other")), w.entryPath(e))
		}, Damaged, true},
		{"an entry that is a link", func(w *world, e *Entry) error {
			return errors.Join(os.Remove(w.entryPath(e)), os.Symlink("/dev/zero", w.entryPath(e)))
		}, Unreadable, false},
		{"a blob that is lost", func(w *world, e *Entry) error { return os.Remove(w.blobPath(e)) }, Lost, true},
		{"a blob that is a link", func(w *world, e *Entry) error {
			return errors.Join(os.Remove(w.blobPath(e)), os.Symlink("/dev/zero", w.blobPath(e)))
		}, Lost, true},
		{"a blob that is empty", func(w *world, e *Entry) error { return os.Truncate(w.blobPath(e), 0) }, Damaged, true},
		{"a blob that is cut", func(w *world, e *Entry) error { return os.Truncate(w.blobPath(e), 40) }, Damaged, true},
		{"another blob", func(w *world, e *Entry) error {
			return os.WriteFile(w.blobPath(e), zipped("heapmage blob 1\nxx"), 0o644)
		}, Damaged, true},
		{"a blob of another version", func(w *world, e *Entry) error { return os.WriteFile(w.blobPath(e), zipped("heapmage blob 2\n"), 0o644) }, Damaged, true},
		{"a blob with more", func(w *world, e *Entry) error {
			return os.WriteFile(w.blobPath(e), zipped(magic+someLog+"ab"+strings.Repeat("x", 1<<20)), 0o644)
		}, Damaged, true},
	} {
		t.Run(tt.claim+" is a miss", func(t *testing.T) {
			w := newWorld(t)
			w.file("dist/a", "a")
			w.file("dist/b", "b")
			e := w.put("k")
			w.file("dist/b", "changed")
			if err := tt.harm(w, e); err != nil {
				t.Fatal(err)
			}
			before := w.snapshot("dist")
			got, err := w.Get(e.Key)
			if err == nil {
				_, err = w.Restore(t.Context(), got, w.target())
			}
			if whyOf(err) != tt.want {
				t.Error(err)
			}
			if w.snapshot("dist") != before {
				t.Error("something was put back")
			}
			if tt.remove && exists(w.entryPath(e)) {
				t.Error("the entry is still there")
			}
			if tt.want == Damaged && tt.remove && got != nil && exists(w.blobPath(e)) {
				t.Error("the blob is still there")
			}
			w.put("k")
			if _, err := w.Get(e.Key); err != nil && tt.want != Unreadable {
				t.Errorf("stored again: %v", err)
			}
		})
	}
}

func TestLookOnlyRemovesNothing(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", "a")
	e := w.put("k")
	if err := errors.Join(os.Truncate(w.entryPath(e), 300), os.Truncate(w.blobPath(e), 9)); err != nil {
		t.Fatal(err)
	}
	before := w.snapshot(".")
	w.LookOnly = true
	_, err := w.Get(e.Key)
	_ = os.Remove(w.path("dist/a"))
	_, restored := w.Restore(t.Context(), e, w.target())
	w.file("dist/a", "a")
	if whyOf(err) != Damaged || whyOf(restored) != Damaged || w.snapshot(".") != before {
		t.Error(err, restored, w.snapshot("."))
	}
}

func zipped(text string) []byte {
	var packed bytes.Buffer
	to := snappy.NewBufferedWriter(&packed)
	_, _ = to.Write([]byte(text)) // a buffer takes all
	_ = to.Close()
	return packed.Bytes()
}

// Whatever byte of an entry or a blob is wrong, either the right files are put back or
// nothing is touched.
func TestAnyByteWrong(t *testing.T) {
	w := newWorld(t)
	w.file("dist/a", strings.Repeat("some text, ", 40))
	w.file("dist/b", "\x00\x01\x02\x03")
	w.link("dist/l", "a")
	e := w.put("k")
	want := w.snapshot("dist")
	whole := map[string][]byte{w.entryPath(e): nil, w.blobPath(e): nil}
	for name := range whole {
		var err error
		if whole[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, right := range whole {
		hits := 0
		for at := range right { // one bit of each byte
			bit := at % 8
			for name, text := range whole {
				if err := os.WriteFile(name, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			wrong := bytes.Clone(right)
			wrong[at] ^= 1 << bit
			if err := errors.Join(os.WriteFile(name, wrong, 0o644), os.RemoveAll(w.path("dist"))); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			got, err := w.Get(e.Key)
			if err == nil {
				if err = w.Log(t.Context(), got, &log); err == nil && log.String() != someLog || err != nil && log.Len() > 0 {
					t.Fatalf("byte %d: log %q, %v", at, log.String(), err)
				}
				_, err = w.Restore(t.Context(), got, w.target())
			}
			switch now := w.snapshot("dist"); {
			case err == nil && now != want:
				t.Fatalf("byte %d of %s: put back:\n%s", at, name, now)
			case err == nil:
				hits++
			case whyOf(err) == 0 || now != "":
				t.Fatalf("byte %d of %s: %v, %s", at, name, err, now)
			}
		}
		t.Logf("%d of %d flips change nothing", hits, len(right))
		if hits > len(right)/2 {
			t.Error("these are too many")
		}
	}
}

func FuzzEntry(f *testing.F) {
	key := keyOf("k")
	good, err := seal(&header{Key: key}, Entry{Files: []File{{Path: "a", Kind: Regular}}}, largestEntry)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("{\"format\":1}\n{}"))
	f.Add([]byte(`{"format":9}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var e Entry
		if _, err := unseal(text, key, &e); err == nil {
			_ = e.check()
		}
		// As if the digest were right.
		_, body, _ := bytes.Cut(text, []byte("\n"))
		if json.Unmarshal(body, &e) != nil || e.check() != nil {
			return
		}
		for _, file := range e.Files {
			if strings.HasPrefix(file.Path, "/") || strings.Contains("/"+file.Path+"/", "/../") {
				t.Errorf("%q is taken", file.Path)
			}
		}
	})
}

func FuzzBlob(f *testing.F) {
	text := magic + "log" + "content"
	f.Add(zipped(text))
	f.Add(append(zipped(magic), zipped("logcontent")...))
	f.Add([]byte{})
	e := &Entry{LogSize: 3, Log: sha256.Sum256([]byte("log")), Files: []File{{Path: "a", Kind: Regular, Size: 7, Digest: sha256.Sum256([]byte("content"))}}}
	f.Fuzz(func(t *testing.T, packed []byte) {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Write(packed); err != nil {
			t.Fatal(err)
		}
		b := &blob{coder: &coder{}, file: file, entry: e}
		if b.verify(context.Background(), false) != nil {
			return
		}
		var got bytes.Buffer
		if err := b.read(context.Background(), false, func(f *File, from io.Reader) error { return b.copy(&got, f, from) }); err != nil || got.String() != "logcontent" {
			t.Errorf("%q, %v", got.String(), err)
		}
	})
}
