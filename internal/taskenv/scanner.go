package taskenv

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/folder"
)

// Scanner finds the variables that files name. Each content is read once, also over
// several runs. It may be used by several goroutines.
type Scanner struct {
	root    string
	digests *fingerprint.Digests
	notes   *fingerprint.Notes
}

// scanVersion changes with what inSource finds.
const scanVersion = "env 1"

// NewScanner keeps what it finds in a file of a folder, which is named with slashes and
// relative to root. digests are those of the same files.
func NewScanner(digests *fingerprint.Digests, root, folder, name string) *Scanner {
	return &Scanner{root, digests, fingerprint.OpenNotes(root, folder, name, scanVersion, 0)}
}

// endings are of the files that are looked into.
var endings = []string{".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx", ".vue", ".svelte", ".astro", ".mdx", ".prisma"}

// Names returns the variables that a file names, sorted, without those that are never keyed
// for being named. A file that is no source, is a package manager's own, is larger than 16 MB
// or is not there names none; other errors are those of the system.
func (s *Scanner) Names(path string) ([]string, error) {
	if !slices.Contains(endings, strings.ToLower(filepath.Ext(path))) || s.ofManager(path) {
		return nil, nil
	}
	found, err := s.all(path)
	never := parsePatterns(neverKeyed)
	return slices.DeleteFunc(found, never.match), err
}

// ofManager reports whether a file is a package manager's own, or a program that was
// installed outside of the workspace. These name variables by the hundred (yarn 4 all that
// CI systems have), and what they do with them is no work of the task.
func (s *Scanner) ofManager(path string) bool {
	rel, err := filepath.Rel(s.root, path)
	if err != nil {
		return false
	}
	rel = filepath.ToSlash(rel)
	switch {
	case strings.HasPrefix(rel, "../"):
		return strings.Contains(rel, "/node_modules/")
	case rel == ".pnp.cjs", rel == ".pnp.loader.mjs":
		return true
	}
	return strings.HasPrefix(rel, ".yarn/releases/") || strings.HasPrefix(rel, ".yarn/plugins/")
}

func (s *Scanner) all(path string) ([]string, error) {
	d, err := s.digests.File(path)
	if err != nil {
		return nil, ignored(err)
	}
	if text, ok := s.notes.Of(d); ok {
		return split(text), nil
	}
	text, err := folder.ReadFile(path)
	if err != nil {
		return nil, ignored(err)
	}
	names := inSource(text)
	if sha256.Sum256(text) == d { // else it has changed meanwhile
		s.notes.Add(d, strings.Join(names, "\n"))
	}
	return names, nil
}

// Save keeps what was found for later runs, as Digests.Save does.
func (s *Scanner) Save() error { return s.notes.Save() }

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// ignored is nil for a file that names nothing because it is none, or none that people
// write.
func ignored(err error) error {
	for _, known := range []error{fs.ErrNotExist, fingerprint.ErrNotFile, folder.ErrNotFile, folder.ErrTooLarge} {
		if errors.Is(err, known) {
			return nil
		}
	}
	return err
}
