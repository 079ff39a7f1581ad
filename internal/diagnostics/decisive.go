package diagnostics

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/heapmage/heapmage/internal/printable"
)

// The bounds of what Decisive returns.
const (
	mostLines   = 6
	longestKept = 240 // bytes of a line
)

// The bounds of what is looked at around a line that tells of an error.
const (
	before = 60
	after  = 40
)

// Report is what a program's output tells of why it failed.
type Report struct {
	// Lines are what the tool reports first, with its place, or else the last lines: at most six
	// short lines without colours, safe to print.
	Lines []string
	// Errors are the first ten errors that the tool reports, each place once; More counts the
	// others, up to a thousand.
	Errors []Finding
	More   int
}

// Read looks for what tells why a program failed. It knows tsc, eslint, vitest, jest, mocha,
// node --test, esbuild, webpack, rollup, vite and errors that end a Node process. Of a text of
// more than 8 MB it looks at the first and the last 4 MB, and holds less than 1 MB of it. What
// cannot be read has no lines.
func Read(text io.ReaderAt, size int64) Report {
	from := max(0, size-searched)
	if size <= 2*searched {
		from = 0
	}
	end := scan(io.NewSectionReader(text, from, size-from))
	found := end
	if end.best() == nil && from > 0 {
		found = scan(io.NewSectionReader(text, 0, searched))
	}
	best := found.best()
	if best == nil {
		best = end.last()
	}
	errors := found.errors()
	return Report{shown(best), errors.first, len(errors.seen) - len(errors.first)}
}

// shown makes lines short and safe to print.
func shown(lines []string) (all []string) {
	for _, line := range lines[:min(mostLines, len(lines))] {
		line = printable.Text(strings.ReplaceAll(strings.TrimRight(line, " \t\r"), "\t", "  "))
		if len(line) > longestKept {
			cut := longestKept
			for !utf8.RuneStart(line[cut]) {
				cut--
			}
			// Between words: a CI system does not know a part of a secret that it hides.
			if at := strings.LastIndexByte(line[:cut+1], ' '); at > cut/2 {
				cut = at
			}
			line = line[:cut] + "…"
		}
		all = append(all, line)
	}
	return all
}

// scanner looks at the lines of a text one after the other, and remembers few of them.
type scanner struct {
	window []string // the last lines
	count  int      // of all lines so far
	open   []candidate
	// found holds the lines of the best form so far. Of equal ones the first counts, but the
	// last error that ends a process, since earlier ones did not end the script.
	found [weakest + 1][]string
	// reported are the errors that tools report.
	reported findings
}

// candidate is a line that may begin what a form looks for.
type candidate struct {
	form *form
	at   int // counts all lines
}

// scan looks through a text.
func scan(text io.Reader) *scanner {
	s := &scanner{}
	lines := bufio.NewReaderSize(text, longestLine)
	for rest := false; ; {
		line, err := lines.ReadSlice('\n')
		if !rest && len(line) > 0 {
			s.add(string(plain(line)))
		}
		if rest = errors.Is(err, bufio.ErrBufferFull); !rest && err != nil {
			break // the end, or what cannot be read
		}
	}
	s.settle(0)
	return s
}

func (s *scanner) add(line string) {
	if len(s.window) >= 2*(before+after) {
		s.window = append(s.window[:0], s.window[len(s.window)-before-after:]...)
	}
	at := strings.LastIndexByte(line, '\r') + 1 // a progress bar may have been there before
	f := formOf(line[at:])
	if f != nil {
		line = line[at:]
	} else if at > 0 {
		f = formOf(line)
	}
	if f != nil {
		s.open = append(s.open, candidate{f, s.count})
	}
	s.window = append(s.window, line)
	s.count++
	s.settle(after)
}

// formOf is the form of what a line may begin, nil if it begins nothing.
func formOf(line string) *form {
	for i := range forms {
		if f := &forms[i]; f.begins(line) {
			return f
		}
	}
	return nil
}

// settle looks at the candidates behind which there are so many lines.
func (s *scanner) settle(behind int) {
	first := s.count - len(s.window)
	for len(s.open) > 0 && s.count-s.open[0].at > behind {
		c := s.open[0]
		s.open = s.open[1:]
		at := c.at - first
		got := c.form.take(s.window[max(0, at-before):at], s.window[at:min(len(s.window), at+after)])
		rank := c.form.rank
		if len(got) > 0 && (s.found[rank] == nil || rank != strong) {
			s.found[rank] = got
		}
		if len(got) > 0 && rank == strong {
			s.reported.add(newFinding(got))
		}
	}
}

// best is what was found, nil if nothing was.
func (s *scanner) best() []string {
	for _, found := range s.found {
		if found != nil {
			return found
		}
	}
	return nil
}

// errors are those that tools report, or else the one that ended a process.
func (s *scanner) errors() findings {
	if best := s.best(); best != nil && s.found[strong] == nil {
		s.reported.add(newFinding(best))
	}
	return s.reported
}

// last is the last lines that are not blank.
func (s *scanner) last() (lines []string) {
	for _, line := range s.window {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-mostLines+1):]
}
