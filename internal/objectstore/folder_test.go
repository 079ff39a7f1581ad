package objectstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/problem"
)

func content(text string) Content {
	return Content{Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func folderAt(t *testing.T, dir string) Store {
	t.Helper()
	s, err := Open("file://"+filepath.ToSlash(dir), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, s Store, name string) (string, error) {
	t.Helper()
	from, err := s.Get(t.Context(), name)
	if err != nil {
		return "", err
	}
	defer from.Close()
	text, err := io.ReadAll(from)
	return string(text), err
}

func TestFolder(t *testing.T) {
	s := folderAt(t, filepath.Join(t.TempDir(), "not", "there", "yet"))
	const name = "trusted/results/abcd"
	if _, err := get(t, s, name); !errors.Is(err, ErrAbsent) {
		t.Errorf("what is not there: %v", err)
	}
	if there, err := s.Has(t.Context(), name); there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
	if err := s.Put(t.Context(), name, content("one")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), name, content("two")); !errors.Is(err, ErrExists) {
		t.Errorf("a second object of one name: %v", err)
	}
	if text, err := get(t, s, name); text != "one" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if there, err := s.Has(t.Context(), name); !there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
}

func TestFolderKeepsNothingHalf(t *testing.T) {
	dir := t.TempDir()
	s := folderAt(t, dir)
	for _, tt := range []struct {
		claim string
		c     Content
	}{
		{"content that is shorter than it says", Content{10, content("short").Open}},
		{"content that is longer", Content{2, content("longer").Open}},
		{"content that cannot be opened", Content{1, func() (io.ReadCloser, error) { return nil, errors.New("gone") }}},
		{"content that cannot be read", Content{1, func() (io.ReadCloser, error) { return io.NopCloser(iotestErr{}), nil }}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if err := s.Put(t.Context(), "a/b/cd", tt.c); err == nil {
				t.Fatal("it was stored")
			}
			if there, err := s.Has(t.Context(), "a/b/cd"); there || err != nil {
				t.Errorf("it is there, %v", err)
			}
		})
	}
	drafts, err := os.ReadDir(filepath.Join(dir, temps))
	if err != nil || len(drafts) > 0 {
		t.Errorf("%v is left, %v", drafts, err)
	}
	old := filepath.Join(dir, temps, "of-a-killed-process")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-2*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "a/b/cd", content("whole")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed process left is still there: %v", err)
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestOneOfManyWritersWins(t *testing.T) {
	s := folderAt(t, t.TempDir())
	var group sync.WaitGroup
	won := make(chan string, 20)
	for n := range 20 {
		group.Go(func() {
			text := strings.Repeat(string(rune('a'+n)), 10_000)
			switch err := s.Put(t.Context(), "a/b/cd", content(text)); {
			case err == nil:
				won <- text
			case !errors.Is(err, ErrExists):
				t.Error(err)
			}
		})
	}
	group.Wait()
	close(won)
	var all []string
	for text := range won {
		all = append(all, text)
	}
	if text, err := get(t, s, "a/b/cd"); len(all) != 1 || err != nil || text != all[0] {
		t.Errorf("%d writers won, %v", len(all), err)
	}
}

func TestFolderStaysInItself(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := folderAt(t, dir)
	for _, name := range []string{"", "..", "a/../b", "/a", "a//b", "a/", "A", "a b", "a/ü", "a\\b", strings.Repeat("a", 300)} {
		if err := s.Put(t.Context(), name, content("x")); err == nil {
			t.Errorf("%q may be a name", name)
		}
		if _, err := s.Get(t.Context(), name); err == nil || errors.Is(err, ErrAbsent) {
			t.Errorf("%q may be asked for: %v", name, err)
		}
	}
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	if err := os.MkdirAll(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "a", "b")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "a/b/cd", content("x")); err == nil {
		t.Error("it was stored through a link")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("%v is outside, %v", left, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "c", "d", "ef"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "c", "d", "ef", "efgh")); err != nil {
		t.Fatal(err)
	}
	if text, err := get(t, s, "c/d/efgh"); err == nil {
		t.Errorf("a link was followed: %q", text)
	}
}

func TestPutEndsWithItsContext(t *testing.T) {
	s := folderAt(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ctx, "a/b/cd", content("x")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	root := t.TempDir()
	for _, tt := range []struct{ address, want string }{
		{"ftp://host/path", `the scheme "ftp" is not known`},
		{"fil:///srv", "did you mean file?"},
		{"", "is not known"},
		{"/srv/cache", "written as file:///srv/cache"},
		{"%zz", "is no address"},
		{"file:///", "names no folder"},
		{"file://server/share", "three slashes"},
		{"file:///srv?x=1", "no ?"},
		{"turbo+https://user:password@host", "environment only"},
		{"turbo+https://host", "mage/remote"},
		{"s3://bucket", "mage/s3"},
	} {
		_, err := Open(tt.address, root, nil)
		var p *problem.Error
		if !errors.As(err, &p) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "password@") {
			t.Errorf("%q: %v; want %q", tt.address, err, tt.want)
		}
	}
	if _, err := Open("ftp://host", root, []string{"HEAPMAGE_CACHE_REMOTE=ftp://host"}); err == nil || !strings.Contains(err.Error(), "HEAPMAGE_CACHE_REMOTE: the scheme") {
		t.Errorf("it does not tell where the address is from: %v", err)
	}
	s, err := Open("file:shared/cache", root, nil)
	if err != nil || !strings.HasSuffix(s.Traits().Where, filepath.Join(root, "shared", "cache")) {
		t.Errorf("%v, %v", s, err)
	}
}

func TestStoppable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := Stoppable(ctx, bytes.NewReader([]byte("ab")))
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAFolderThatMayNotBeWritten(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it needs a folder in which not even root may make one")
	}
	s := folderAt(t, "/sys/heapmage-test")
	err := s.Put(t.Context(), "trusted/results/abcd", content("one"))
	if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "credential") {
		t.Errorf("it is no refusal: %v", err)
	}
}
