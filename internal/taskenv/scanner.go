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
	digests *fingerprint.Digests
	notes   *fingerprint.Notes
}

// scanVersion changes with what inSource finds.
const scanVersion = "env 1"

// NewScanner keeps what it finds in a file of a folder, which is named with slashes and
// relative to root. digests are those of the same files.
func NewScanner(digests *fingerprint.Digests, root, folder, name string) *Scanner {
	return &Scanner{digests, fingerprint.OpenNotes(root, folder, name, scanVersion, 0)}
}

// endings are of the files that are looked into.
var endings = []string{".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx", ".vue", ".svelte", ".astro", ".mdx", ".prisma"}

// Names returns the variables that a file names, sorted. A file that is no source, is
// larger than 16 MB or is not there names none; other errors are those of the system.
func (s *Scanner) Names(path string) ([]string, error) {
	if !slices.Contains(endings, strings.ToLower(filepath.Ext(path))) {
		return nil, nil
	}
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
