package workspace

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/problem"
)

// mostReaders bounds how many files are read at once. More would only cost
// descriptors.
const mostReaders = 16

// readManifests reads the package.json of each folder. A folder without one is
// left out. Of those that cannot be read or parsed, the first by folder is the
// error, whatever order they were read in.
func (r *root) readManifests(dirs map[string]bool) (map[string]*packagejson.Manifest, error) {
	type result struct {
		dir      string
		manifest *packagejson.Manifest
		err      *problem.Error
	}
	results := make([]result, 0, len(dirs))
	for dir := range dirs {
		results = append(results, result{dir: dir})
	}
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(mostReaders, len(results)) {
		readers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(results); i = int(next.Add(1)) - 1 {
				one := &results[i]
				one.manifest, one.err = r.readManifest(one.dir)
			}
		})
	}
	readers.Wait()

	found := make(map[string]*packagejson.Manifest, len(results))
	var first *result
	for i := range results {
		one := &results[i]
		if one.err != nil && (first == nil || one.dir < first.dir) {
			first = one
		}
		if one.manifest != nil {
			found[one.dir] = one.manifest
		}
	}
	if first != nil {
		return nil, first.err
	}
	return found, nil
}

func (r *root) readManifest(dir string) (*packagejson.Manifest, *problem.Error) {
	file := path.Join(dir, "package.json")
	text, err := folder.ReadFile(filepath.Join(r.dir, filepath.FromSlash(file)))
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, nil
	case err != nil:
		return nil, &problem.Error{Where: file, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	}
	parse := packagejson.Parse
	if r.Name == Bun {
		parse = packagejson.ParseLoose
	}
	m, mistake := parse(text)
	if mistake != nil {
		return nil, &problem.Error{
			Where: mistake.In(file),
			What:  mistake.What,
			Hint:  "fix the file, or leave its folder out with \"!" + dir + "\" in " + r.globFile,
		}
	}
	return m, nil
}
