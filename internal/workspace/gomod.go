package workspace

import (
	"fmt"
	"strconv"
	"strings"
)

// goFile is what is read of a go.mod or go.work.
type goFile struct {
	module   string
	version  string   // of the "go" line
	uses     []string // folders, in go.work
	requires []string // module paths, without those marked // indirect
	tools    []string // package paths of "tool" lines
}

// parseGoFile reads the lines of a go.mod or go.work that matter here. Both are
// lists of verbs with arguments, in blocks or on lines of their own (see
// https://go.dev/ref/mod#go-mod-file-lexical). Unknown verbs are passed over.
func parseGoFile(text []byte) (*goFile, *positionError) {
	f := &goFile{}
	block, opened := "", 0
	for i, line := range strings.Split(string(text), "\n") {
		indirect := strings.Contains(line, "// indirect")
		words, err := goWords(line)
		if err != nil {
			return nil, &positionError{line: i + 1, what: err.Error()}
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
		return nil, &positionError{line: opened, what: fmt.Sprintf("the block of %q has no closing bracket", block)}
	}
	return f, nil
}

func (f *goFile) take(verb string, words []string, indirect bool) {
	switch verb {
	case "module":
		f.module = words[0]
	case "go":
		f.version = words[0]
	case "use":
		f.uses = append(f.uses, words[0])
	case "tool":
		f.tools = append(f.tools, words[0])
	case "require":
		if !indirect {
			f.requires = append(f.requires, words[0])
		}
	}
}

// goWords splits a line into words; a word may be quoted, and // starts a comment.
func goWords(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\r")
		switch {
		case line == "" || strings.HasPrefix(line, "//"):
			return words, nil
		case line[0] == '"' || line[0] == '`':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("a quoted word does not end")
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
