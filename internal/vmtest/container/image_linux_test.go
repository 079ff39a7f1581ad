package container

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/debian"
	"github.com/heapmage/heapmage/internal/testkit"
)

// image is a root file system to be imported.
type image struct {
	t    *testing.T
	tape bytes.Buffer
	tar  *tar.Writer
	have map[string]bool
}

func newImage(t *testing.T) *image {
	i := &image{t: t, have: map[string]bool{}}
	i.tar = tar.NewWriter(&i.tape)
	return i
}

// add adds a file of user 1000.
func (i *image) add(name string, mode int64, content []byte) {
	i.t.Helper()
	i.entry(tar.Header{Name: name, Mode: mode, Size: int64(len(content))}, content)
}

func (i *image) entry(h tar.Header, content []byte) {
	i.t.Helper()
	if i.have[h.Name] {
		return
	}
	i.have[h.Name] = true
	h.Uid, h.Gid = 1000, 1000
	if dir := filepath.Dir(h.Name); dir != "." {
		i.entry(tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o777}, nil)
	}
	if err := i.tar.WriteHeader(&h); err != nil {
		i.t.Fatal(err)
	}
	if _, err := i.tar.Write(content); err != nil {
		i.t.Fatal(err)
	}
}

func (i *image) link(name, target string) {
	i.t.Helper()
	i.entry(tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, nil)
}

// copy adds a file of this system.
func (i *image) copy(name, from string) {
	i.t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		i.t.Fatal(err)
	}
	info, err := os.Stat(from)
	if err != nil {
		i.t.Fatal(err)
	}
	i.add(name, int64(info.Mode().Perm()), content)
}

// busybox adds a shell and the usual programs.
func (i *image) busybox() {
	i.t.Helper()
	dir, err := debian.Unpack(i.t.Context(), debian.Packages{Alone: []string{"busybox-static"}})
	if err != nil {
		i.t.Fatal(err)
	}
	box := filepath.Join(dir, "bin/busybox")
	i.copy("bin/busybox", box)
	list, err := exec.Command(box, "--list").Output()
	if err != nil {
		i.t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(list)) {
		i.link("bin/"+name, "busybox")
	}
	i.add("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n"))
	i.entry(tar.Header{Name: "tmp", Typeflag: tar.TypeDir, Mode: 0o777}, nil)
}

// node adds the Node of this system with its libraries.
func (i *image) node() {
	i.t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		testkit.UnlessCI(i.t, "there is no node")
	}
	i.copy("usr/local/bin/node", path)
	out, err := exec.Command("ldd", path).Output()
	if err != nil {
		i.t.Fatal(err)
	}
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "/") {
			i.copy(strings.TrimPrefix(word, "/"), word)
		}
	}
}

// folder adds the regular files below a folder of this system, without testdata and the
// folders to skip, which are paths in it.
func (i *image) folder(name, from string, skip ...string) {
	i.t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case slices.Contains(skip, rel), d.Name() == "testdata", d.Name() == "node_modules":
			return filepath.SkipDir
		case d.Type().IsRegular():
			i.copy(filepath.Join(name, rel), path)
		}
		return nil
	})
	if err != nil {
		i.t.Fatal(err)
	}
}

// load imports the image under a name.
func (i *image) load(d *daemon, name string, changes ...string) {
	i.t.Helper()
	if err := i.tar.Close(); err != nil {
		i.t.Fatal(err)
	}
	args := []string{"import"}
	for _, change := range changes {
		args = append(args, "-c", change)
	}
	if code, out := d.docker(i.t, &i.tape, append(args, "-", name)...); code != 0 {
		i.t.Fatal(out)
	}
}
