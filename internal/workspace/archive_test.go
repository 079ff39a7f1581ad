package workspace

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// archive is a comment and files in one text, in the txtar format: each file
// follows a line "-- name --".
type archive struct {
	comment string
	names   []string
	files   map[string]string
}

var archiveMark = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

func readArchive(t *testing.T, file string) archive {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseArchive(string(text))
}

func parseArchive(text string) archive {
	a := archive{files: map[string]string{}}
	marks := archiveMark.FindAllStringSubmatchIndex(text, -1)
	end := len(text)
	for i := len(marks) - 1; i >= 0; i-- {
		name := text[marks[i][2]:marks[i][3]]
		a.files[name] = text[marks[i][1]:end]
		a.names = append([]string{name}, a.names...)
		end = marks[i][0]
	}
	a.comment = text[:end]
	return a
}

func (a archive) String() string {
	var b strings.Builder
	b.WriteString(a.comment)
	for _, name := range a.names {
		b.WriteString("-- " + name + " --\n" + a.files[name])
	}
	return b.String()
}

// lay writes the files, except those left out, into a new folder.
func (a archive) lay(t *testing.T, except ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range a.names {
		if strings.Contains(strings.Join(except, " "), name) {
			continue
		}
		at := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(a.files[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	resolved, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

// lay writes an archive that stands in the test itself.
func lay(t *testing.T, text string) string {
	t.Helper()
	return parseArchive(text).lay(t)
}
