package setup

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// tree is all that is in a folder: the texts of files, the targets of links.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir():
			all[filepath.ToSlash(name)+"/"] = ""
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			all[filepath.ToSlash(name)] = "-> " + target
			return err
		default:
			text, err := os.ReadFile(path)
			all[filepath.ToSlash(name)] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// changes are files as init prepares them, with one that changes and two that are new.
func changes(t *testing.T) (root string, files []*file) {
	t.Helper()
	root = t.TempDir()
	testkit.Write(t, root, "package.json", "old")
	if err := os.Chmod(filepath.Join(root, "package.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", ".github/workflows/heapmage.yml", "magefile.go"} {
		f, err := open(root, name)
		if err != nil {
			t.Fatal(err)
		}
		f.after = []byte("new " + name)
		files = append(files, f)
	}
	return root, files
}

func TestWrite(t *testing.T) {
	root, files := changes(t)
	if err := write(files); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"./": "", "package.json": "new package.json", ".github/": "", ".github/workflows/": "",
		".github/workflows/heapmage.yml": "new .github/workflows/heapmage.yml", "magefile.go": "new magefile.go"}
	if got := tree(t, root); !maps.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if info, err := os.Stat(filepath.Join(root, "package.json")); err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

// TestWriteAllOrNone: what happens after the changes were shown leaves the folder as it was then.
func TestWriteAllOrNone(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		between func(t *testing.T, root string)
		want    string
	}{
		{"a changed file changes", func(t *testing.T, root string) { testkit.Write(t, root, "package.json", "newer") }, "package.json: it was changed meanwhile"},
		{"a changed file is gone", func(t *testing.T, root string) { remove(t, root, "package.json") }, "no such file"},
		{"a new file is there", func(t *testing.T, root string) { testkit.Write(t, root, "magefile.go", "mine") }, "magefile.go: it was changed meanwhile"},
		{"a new file is there, and empty", func(t *testing.T, root string) { testkit.Write(t, root, "magefile.go", "") }, "magefile.go: it was changed meanwhile"},
		{"a folder is in the place of the last file", func(t *testing.T, root string) { testkit.Write(t, root, "magefile.go/a", "") }, "magefile.go"},
		{"a file is in the place of a folder", func(t *testing.T, root string) { testkit.Write(t, root, ".github", "") }, "it is not a folder"},
		{"a link is in the place of a folder", func(t *testing.T, root string) { link(t, t.TempDir(), root, ".github") }, "symbolic link"},
		{"a link is in the place of a file", func(t *testing.T, root string) {
			link(t, filepath.Join(root, "package.json"), root, "magefile.go")
		}, "symbolic link"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root, files := changes(t)
			tt.between(t, root)
			before := tree(t, root)
			err := write(files)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if after := tree(t, root); !maps.Equal(after, before) {
				t.Errorf("it was %q and is %q", slices.Sorted(maps.Keys(before)), after)
			}
		})
	}
}

func remove(t *testing.T, root, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, root, name string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
		t.Skipf("no link can be made: %v", err)
	}
}

// TestWriteWhereNothingMayBe: a folder that cannot be written is left alone.
func TestWriteWhereNothingMayBe(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	root, files := changes(t)
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(root, 0o755) }() // so that it can be removed
	if err := write(files); err == nil || len(tree(t, root)) != 2 {
		t.Errorf("got %v, %q", err, tree(t, root))
	}
}
