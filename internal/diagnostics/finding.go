package diagnostics

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/lazyregexp"
)

// mostFindings is how many errors are kept. No CI system shows more.
const mostFindings = 10

// Finding is one error that a tool reports.
type Finding struct {
	// File is the path as the tool wrote it: absolute, or relative to a folder that only the
	// tool knows. It is empty if the error has no place.
	File string `json:"file,omitempty"`
	// Line and Column count from 1; 0 means unknown.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message has at most six short lines, safe to print.
	Message string `json:"message"`
}

// wholeForms are lines that have the place and the message.
var wholeForms = []func() *regexp.Regexp{
	lazyregexp.New(`^\s*(?:file://)?(\S.*?)[(:](\d+)[,:](\d+)\)?(?::| -) error (TS\d+: .*)$`), // tsc, vue-tsc, ts-jest
	lazyregexp.New(`^(\S.*?):(\d+):(\d+): (.*) \[Error/[^\]]+\]$`),                            // eslint -f unix
	lazyregexp.New(`^(\S.*?): line (\d+), col (\d+), Error - (.*)$`),                          // eslint -f compact
}

// placeForms are lines that have a place and nothing else, without the space around them.
var placeForms = []func() *regexp.Regexp{
	lazyregexp.New(`^at (?:.*\()?(?:async )?(?:file://)?(\S.*?):(\d+):(\d+)\)?$`), // a stack
	lazyregexp.New(`^❯ (?:.* )?(\S+?):(\d+):(\d+)$`),                              // vitest
	lazyregexp.New(`^test at (\S.*?):(\d+):(\d+)$`),                               // node --test
	lazyregexp.New(`^location: '(\S.*?):(\d+):(\d+)'$`),                           // the same as TAP
	lazyregexp.New(`^(\S.*?):(\d+):(\d+):$`),                                      // esbuild
	lazyregexp.New(`^([^\s:]\S*) \((\d+):(\d+)\)$`),                               // rollup
	lazyregexp.New(`^ERROR in (\S+)(?: (\d+):(\d+)\S*)?$`),                        // webpack
	lazyregexp.New(`^file: (\S.*?)(?::(\d+):(\d+))?$`),                            // vite
	lazyregexp.New(`^(?:file://)?(/.+|[A-Za-z]:\\.+):(\d+)()$`),                   // node
	lazyregexp.New(`^FAIL (\S.*)()()$`),                                           // jest
}

var (
	// stylish is ESLint's, below a line with the file; columns ends it.
	stylish = lazyregexp.New(`^\s+(\d+):(\d+)\s+error\s+(.*)$`)
	columns = lazyregexp.New(`\s{2,}(\S+)$`)
	// signs stand in front of messages.
	signs = lazyregexp.New(`^(?:FAIL  |not ok \d+ - |● |✖ |✘ \[ERROR\] |\[!\] |ERROR in |error: )`)
)

// newFinding reads the decisive lines of one error.
func newFinding(lines []string) (f Finding) {
	for _, form := range wholeForms {
		if m := form().FindStringSubmatch(lines[0]); m != nil {
			f = Finding{File: m[1], Line: number(m[2]), Column: number(m[3])}
			f.say(append([]string{m[4]}, lines[1:]...))
			return f
		}
	}
	if m := stylish().FindStringSubmatch(lines[len(lines)-1]); m != nil && len(lines) == 2 {
		f = Finding{File: lines[0], Line: number(m[1]), Column: number(m[2])}
		f.say([]string{columns().ReplaceAllString(strings.TrimSpace(m[3]), " ($1)")})
		return f
	}
	var message []string
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if m := placeAlone(line); m == nil {
			message = append(message, signs().ReplaceAllString(line, ""))
		} else if f.Line == 0 && (f.File == "" || m[2] != "") {
			f.File, f.Line, f.Column = m[1], number(m[2]), number(m[3])
		}
	}
	f.say(message)
	return f
}

func (f *Finding) say(message []string) { f.Message = strings.Join(shown(message), "\n") }

func placeAlone(line string) []string {
	for _, form := range placeForms {
		if m := form().FindStringSubmatch(line); m != nil {
			return m
		}
	}
	return nil
}

// number is zero if the digits are too many.
func number(digits string) int {
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// findings are the errors that were found, each place once.
type findings struct {
	first []Finding
	seen  map[Finding]bool
}

// mostSeen bounds what is kept to tell repetitions.
const mostSeen = 1000

func (all *findings) add(f Finding) {
	key := f
	if f.File != "" {
		key.Message = ""
	}
	if f.Message == "" || all.seen[key] || len(all.seen) == mostSeen {
		return
	}
	if all.seen == nil {
		all.seen = map[Finding]bool{}
	}
	all.seen[key] = true
	if len(all.first) < mostFindings {
		all.first = append(all.first, f)
	}
}
