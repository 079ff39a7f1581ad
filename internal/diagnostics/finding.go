package diagnostics

import (
	"regexp"
	"strconv"
	"strings"
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
	pattern(`^\s*(?:file://)?(\S.*?)[(:](\d+)[,:](\d+)\)?(?::| -) error (TS\d+: .*)$`), // tsc, vue-tsc, ts-jest
	pattern(`^(\S.*?):(\d+):(\d+): (.*) \[Error/[^\]]+\]$`),                            // eslint -f unix
	pattern(`^(\S.*?): line (\d+), col (\d+), Error - (.*)$`),                          // eslint -f compact
}

// placeForms are lines that have a place and nothing else, without the space around them.
var placeForms = []func() *regexp.Regexp{
	pattern(`^at (?:.*\()?(?:async )?(?:file://)?(\S.*?):(\d+):(\d+)\)?$`), // a stack
	pattern(`^❯ (?:.* )?(\S+?):(\d+):(\d+)$`),                              // vitest
	pattern(`^test at (\S.*?):(\d+):(\d+)$`),                               // node --test
	pattern(`^location: '(\S.*?):(\d+):(\d+)'$`),                           // the same as TAP
	pattern(`^(\S.*?):(\d+):(\d+):$`),                                      // esbuild
	pattern(`^([^\s:]\S*) \((\d+):(\d+)\)$`),                               // rollup
	pattern(`^ERROR in (\S+)(?: (\d+):(\d+)\S*)?$`),                        // webpack
	pattern(`^file: (\S.*?)(?::(\d+):(\d+))?$`),                            // vite
	pattern(`^(?:file://)?(/.+|[A-Za-z]:\\.+):(\d+)()$`),                   // node
	pattern(`^FAIL (\S.*)()()$`),                                           // jest
}

var (
	// stylish is ESLint's, below a line with the file; columns ends it.
	stylish = pattern(`^\s+(\d+):(\d+)\s+error\s+(.*)$`)
	columns = pattern(`\s{2,}(\S+)$`)
	// signs stand in front of messages.
	signs = pattern(`^(?:FAIL  |not ok \d+ - |● |✖ |✘ \[ERROR\] |\[!\] |ERROR in |error: )`)
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
