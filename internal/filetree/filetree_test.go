package filetree

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

func open(t *testing.T) (dir string, root *os.Root) {
	t.Helper()
	dir = t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return dir, root
}

func why(err error) Why {
	if r := (*Refusal)(nil); errors.As(err, &r) {
		return r.Why
	}
	return 0
}

func TestNamesThatDifferInCase(t *testing.T) {
	_, root := open(t)
	files := []File{{Path: "Dist/a", Kind: Regular}, {Path: "dist/b", Kind: Regular}}
	if _, err := newPlan(files, Target{Root: root}, true); why(err) != Unusable {
		t.Errorf("where they are the same: %v", err)
	}
	p, err := newPlan(files, Target{Root: root}, false)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	t.Run("a stale file that is one of the list is not removed", func(t *testing.T) {
		p, err := newPlan(files[:1], Target{Root: root, Stale: []string{"dist/A", "DIST"}}, true)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if len(p.remove) > 0 {
			t.Error(p.remove)
		}
	})
}

func TestWhatCameMeanwhileIsKept(t *testing.T) {
	dir, root := open(t)
	files := []File{{Path: "dist/a", Kind: Regular, Size: 1, Digest: sha256.Sum256([]byte("a")), Mode: 0o644}}
	p, err := NewPlan(files, Target{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.Do(func(take Take) error {
		return take(&files[0], func(to io.Writer) error {
			if err := os.WriteFile(filepath.Join(dir, "dist/a"), []byte("mine"), 0o644); err != nil {
				t.Error(err)
			}
			_, err := io.WriteString(to, "a")
			return err
		})
	})
	if err == nil {
		t.Error("no error")
	}
	list, _ := os.ReadDir(filepath.Join(dir, "dist"))
	if text, _ := os.ReadFile(filepath.Join(dir, "dist/a")); string(text) != "mine" || len(list) != 1 {
		t.Errorf("%q, %v", text, list)
	}
}

func TestContentThatIsWrongIsNotPutInPlace(t *testing.T) {
	dir, root := open(t)
	files := []File{{Path: "a", Kind: Regular, Mode: 0o644}}
	p, err := NewPlan(files, Target{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	wrong := errors.New("a digest is wrong")
	_, err = p.Do(func(take Take) error { return take(&files[0], func(io.Writer) error { return wrong }) })
	if list, _ := os.ReadDir(dir); !errors.Is(err, wrong) || len(list) > 0 {
		t.Error(err, list)
	}
}

func TestReaderTellsWhoseErrorItIs(t *testing.T) {
	dir, root := open(t)
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	full := errors.New("the disk is full")
	r := NewReader(root, func(io.Reader) (int64, fingerprint.Digest, error) { return 0, fingerprint.Digest{}, full })
	defer r.Close()
	if err := r.Read(&File{Path: "a"}); err != full {
		t.Error(err)
	}
	r = NewReader(root, func(from io.Reader) (int64, fingerprint.Digest, error) {
		text, err := io.ReadAll(from)
		return int64(len(text)), sha256.Sum256(text), err
	})
	defer r.Close()
	f := File{Path: "a"}
	if err := r.Read(&f); err != nil || f.Kind != Regular || f.Size != 1 {
		t.Error(f, err)
	}
	if err := r.Read(&File{Path: "b"}); why(err) != Unexpected {
		t.Error(err)
	}
}

func TestDigestText(t *testing.T) {
	d := fingerprint.Digest(sha256.Sum256(nil))
	text, _ := d.MarshalText()
	var back fingerprint.Digest
	if err := back.UnmarshalText(text); err != nil || back != d {
		t.Error(err)
	}
	for _, bad := range []string{"", "00", strings.ToUpper(d.String()), d.String() + "0", d.String()[1:], strings.Repeat("g", 64)} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestWhatIsSkippedStays(t *testing.T) {
	dir, root := open(t)
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []File{{Path: "a", Kind: Regular, Size: 1, Digest: sha256.Sum256([]byte("a")), Mode: 0o644}, {Path: "gone", Kind: Folder, Mode: 0o755},
		{Path: "made", Kind: Folder, Mode: 0o755}}
	p, err := NewPlan(files, Target{Root: root, Skip: func(path string) bool { return path != "made" }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if done, err := p.Do(nil); err != nil || p.NeedsContent() || done != (Result{Written: 1, Same: 2}) {
		t.Errorf("%+v, %v", done, err)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "a")); string(text) != "other" {
		t.Errorf("%q", text)
	}
	if _, err := os.Stat(filepath.Join(dir, "gone")); err == nil {
		t.Error("a folder that is skipped was made")
	}
}

func TestDifference(t *testing.T) {
	folder, one, two := File{Path: "dist", Kind: Folder}, File{Path: "dist/a", Kind: Regular}, File{Path: "dist/b", Kind: Regular}
	for _, tt := range []struct {
		a, b []File
		want string
	}{
		{[]File{one}, []File{folder, one}, ""}, // the folder was there before
		{[]File{folder, one}, []File{one}, ""},
		{[]File{one, two}, []File{one}, "dist/b"},
		{[]File{one}, []File{one, two}, "dist/b"},
	} {
		if got := Difference(tt.a, tt.b); got != tt.want {
			t.Errorf("%v, %v: %q", tt.a, tt.b, got)
		}
	}
}

func TestState(t *testing.T) {
	dir, _ := open(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("file"), []byte("a"), 0o640), os.Mkdir(at("folder"), 0o750)); err != nil {
		t.Fatal(err)
	}
	files := []File{{Path: "file", Kind: Regular, Mode: 0o640, Size: 1, Digest: sha256.Sum256([]byte("a"))}, {Path: "folder", Kind: Folder, Mode: 0o750}}
	if runtime.GOOS == "windows" {
		files = files[:1] // modes are others there
	} else if err := errors.Join(os.Chmod(at("file"), 0o640), os.Chmod(at("folder"), 0o750)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("folder/nothing", at("link")); err == nil {
		files = append(files, File{Path: "link", Kind: Link, Target: "folder/nothing"})
	}
	now := fingerprint.Open(dir, "cache", "digests")
	for _, f := range files {
		if got := now.Content(at(f.Path)); got != f.State() {
			t.Errorf("%s is %q, and was left as %q", f.Path, got, f.State())
		}
	}
}
