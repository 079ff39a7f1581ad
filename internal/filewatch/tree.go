package filewatch

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"

	"github.com/heapmage/heapmage/internal/git"
	"github.com/heapmage/heapmage/internal/pathrole"
)

// tree is what is known of the files of a workspace.
type tree struct {
	root  string
	watch func(dir string) error // is called for each folder, again if it may be another one

	seed  maphash.Seed
	files map[string]Sum
	dirs  map[string]bool
	// repositories are the folders with a .git: Git answers for one of them at a time.
	repositories map[string]bool
	ignored      map[string]bool // what Git has said of paths that are no longer asked for
	// before are the files that were looked at since they were last taken, as they were then.
	before map[string]Sum
}

func newTree(root string, watch func(dir string) error) *tree {
	return &tree{root: root, watch: watch, seed: maphash.MakeSeed(), files: map[string]Sum{}, dirs: map[string]bool{},
		repositories: map[string]bool{}, ignored: map[string]bool{}, before: map[string]Sum{}}
}

// take returns the files that were looked at since the last call, as they were then.
func (t *tree) take() map[string]Sum {
	before := t.before
	t.before = map[string]Sum{}
	return before
}

// skips reports whether a path is never watched.
func (t *tree) skips(rel string) bool {
	inGit, _ := pathrole.GitRef(rel)
	return inGit || pathrole.IsInstalled(rel) || pathrole.Unseen(rel)
}

func (t *tree) path(rel string) string { return filepath.Join(t.root, filepath.FromSlash(rel)) }

// look compares the paths of which something was heard.
func (t *tree) look(ctx context.Context, heard map[string]fsnotify.Op) error {
	var dirs, files []string
	for rel, op := range heard {
		if t.skips(rel) {
			continue
		}
		info, err := os.Lstat(t.path(rel))
		isDir := err == nil && info.IsDir()
		switch {
		case isDir && t.dirs[rel] && op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) == 0:
			continue // the files in it are told of by themselves
		case t.dirs[rel]:
			t.forget(rel) // it has gone, or is another one
		case err != nil && t.files[rel] == 0:
			continue // it came and went
		}
		if isDir {
			dirs = append(dirs, rel)
		} else {
			files = append(files, rel)
		}
	}
	ignored := t.askGit(ctx, dirs, files)
	for _, rel := range files {
		if !ignored[rel] {
			t.read(rel)
		}
	}
	var watched []string
	for _, rel := range dirs {
		if !ignored[rel] {
			watched = append(watched, rel)
		}
	}
	return t.scan(ctx, watched)
}

// forget removes a folder with all that is in it.
func (t *tree) forget(dir string) {
	for rel := range t.files {
		if strings.HasPrefix(rel, dir+"/") {
			t.set(rel, 0)
		}
	}
	for rel := range t.dirs {
		if rel == dir || strings.HasPrefix(rel, dir+"/") {
			delete(t.dirs, rel)
			delete(t.repositories, rel)
		}
	}
}

// again scans all anew, as if nothing were known of what Git ignores. A file that is ignored
// from now on has not changed.
func (t *tree) again(ctx context.Context) error {
	old, before := t.files, t.take()
	t.files, t.dirs, t.ignored, t.repositories = map[string]Sum{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	err := t.scan(ctx, []string{"."})
	if err != nil {
		t.files, t.before = old, before // to be compared the next time
		return err
	}
	for rel := range t.files {
		if _, known := old[rel]; !known {
			old[rel] = 0
		}
	}
	for rel, sum := range old {
		_, err := os.Lstat(t.path(rel))
		if _, seen := before[rel]; !seen && t.files[rel] != sum && (t.files[rel] != 0 || err != nil) {
			before[rel] = sum
		}
	}
	t.before = before
	return nil
}

// scan watches and reads folders, and all that is in them. It asks Git once for each level,
// so that nothing is read that is ignored.
func (t *tree) scan(ctx context.Context, level []string) error {
	for len(level) > 0 {
		var dirs, files []string
		for _, dir := range level {
			// First the watch, then the list: between the two nothing can be missed.
			if err := t.watch(t.path(dir)); err != nil {
				return err
			}
			t.dirs[dir] = true
			entries, _ := os.ReadDir(t.path(dir)) // a folder that cannot be read has no files
			for _, e := range entries {
				rel := path.Join(dir, e.Name())
				switch {
				case e.Name() == ".git":
					t.repositories[dir] = true
				case t.skips(rel):
				case e.IsDir():
					dirs = append(dirs, rel)
				default:
					files = append(files, rel)
				}
			}
		}
		ignored := t.askGit(ctx, dirs, files)
		if err := ctx.Err(); err != nil {
			return err
		}
		level = nil
		for _, rel := range dirs {
			if !ignored[rel] {
				level = append(level, rel)
			}
		}
		for _, rel := range files {
			if !ignored[rel] {
				t.read(rel)
			}
		}
	}
	return nil
}

// askGit returns which of the paths Git ignores. It is asked once for each path.
func (t *tree) askGit(ctx context.Context, dirs, files []string) map[string]bool {
	questions := map[string][]string{} // by repository
	ask := func(rel, mark string) {
		_, asked := t.ignored[rel]
		if _, known := t.files[rel]; known || asked || t.dirs[rel] {
			return
		}
		repository := t.repositoryOf(rel)
		within := rel
		if repository != "." {
			within = strings.TrimPrefix(rel, repository+"/")
		}
		questions[repository] = append(questions[repository], within+mark)
	}
	for _, rel := range dirs {
		ask(rel, "/") // a rule for folders holds even if it has gone by now
	}
	for _, rel := range files {
		ask(rel, "")
	}
	for repository, paths := range questions {
		for name, is := range git.Ignored(ctx, t.path(repository), paths) {
			t.ignored[path.Join(repository, name)] = is
		}
	}
	return t.ignored
}

// repositoryOf is the folder of the innermost repository in the workspace that a path is in,
// or the workspace itself.
func (t *tree) repositoryOf(rel string) string {
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		if t.repositories[dir] {
			return dir
		}
	}
	return "."
}

// read looks at a file.
func (t *tree) read(rel string) { t.set(rel, t.sum(rel)) }

func (t *tree) set(rel string, sum Sum) {
	old := t.files[rel]
	if _, seen := t.before[rel]; !seen && (old != 0 || sum != 0) {
		t.before[rel] = old
	}
	if sum == 0 {
		delete(t.files, rel)
	} else {
		t.files[rel] = sum
	}
}

// mostRead bounds what is read of a file. A larger one counts as written as it was only if
// its time is the same too.
const mostRead = 8 << 20

func (t *tree) sum(rel string) Sum {
	info, err := os.Lstat(t.path(rel))
	if err != nil || info.IsDir() {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(t.seed)
	_ = binary.Write(&h, binary.LittleEndian, []int64{int64(info.Mode().Type()), int64(info.Mode() & 0o100), info.Size()}) // hashes never fail
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, _ := os.Readlink(t.path(rel))
		_, _ = h.WriteString(target)
	case !info.Mode().IsRegular(): // a socket or a pipe, which must not be opened
	case info.Size() > mostRead:
		_ = binary.Write(&h, binary.LittleEndian, info.ModTime().UnixNano())
	default:
		if file, err := os.Open(t.path(rel)); err == nil {
			_, _ = io.Copy(&h, io.LimitReader(file, mostRead)) // a part of it is another content
			_ = file.Close()
		}
	}
	return max(Sum(h.Sum64()), 1)
}
