// Package gomod reads go.mod and go.work, and gives a Go module the commands that
// stand for the scripts of a package.json. It starts no program.
package gomod

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
)

// File is what is read of a go.mod or go.work.
type File struct {
	Module   string
	Version  string   // of the "go" line
	Uses     []string // folders, in go.work
	Requires []string // module paths, without those marked // indirect
	Tools    []string // package paths of "tool" lines
	Ignores  []string // folders of "ignore" lines
}

// Parse reads a go.mod or go.work. Both are lists of verbs with arguments, in
// blocks or on a line each (https://go.dev/ref/mod#go-mod-file-lexical). Unknown
// verbs are ignored.
func Parse(text []byte) (*File, *problem.Mistake) {
	f := &File{}
	block, opened := "", 0
	for i, line := range strings.Split(string(text), "\n") {
		indirect := strings.Contains(line, "// indirect")
		words, err := splitLine(line)
		if err != nil {
			return nil, &problem.Mistake{Line: i + 1, What: err.Error()}
		}
		switch {
		case len(words) == 0:
			continue
		case block != "" && words[0] == ")":
			block = ""
			continue
		case block == "" && len(words) >= 2 && words[1] == "(":
			block, opened = words[0], i+1
			continue
		case block == "":
			if len(words) > 1 {
				f.take(words[0], words[1:], indirect)
			}
			continue
		}
		f.take(block, words, indirect)
	}
	if block != "" {
		return nil, &problem.Mistake{Line: opened, What: fmt.Sprintf("the block of %q has no closing bracket", block)}
	}
	return f, nil
}

func (f *File) take(verb string, words []string, indirect bool) {
	switch verb {
	case "module":
		f.Module = words[0]
	case "go":
		f.Version = words[0]
	case "use":
		f.Uses = append(f.Uses, words[0])
	case "tool":
		f.Tools = append(f.Tools, words[0])
	case "ignore":
		f.Ignores = append(f.Ignores, words[0])
	case "require":
		if !indirect {
			f.Requires = append(f.Requires, words[0])
		}
	}
}

// splitLine splits a line into words. A word may be quoted; // starts a comment.
func splitLine(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\r")
		switch {
		case line == "" || strings.HasPrefix(line, "//"):
			return words, nil
		case line[0] == '"' || line[0] == '`':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, errors.New("a quoted word does not end")
			}
			word, _ := strconv.Unquote(quoted)
			words, line = append(words, word), line[len(quoted):]
		case line[0] == '(' || line[0] == ')':
			words, line = append(words, line[:1]), line[1:]
		default:
			end := strings.IndexAny(line, " \t\r()")
			if end < 0 {
				end = len(line)
			}
			if comment := strings.Index(line[:end], "//"); comment > 0 {
				end = comment
			}
			words, line = append(words, line[:end]), line[end:]
		}
	}
}
