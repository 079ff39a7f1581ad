package diagnostics

import (
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/lazyregexp"
)

// The ranks of forms: what is found of a higher one goes first.
const (
	strong  = iota // a tool's report of what is wrong
	crash          // an error that ended a Node process
	weakest        // a line that looks like an error
)

// form is a way in which tools report an error.
type form struct {
	rank int
	// begins reports whether a line may be the first of a report.
	begins func(line string) bool
	// take returns the decisive lines. The first of lines is the one that begins; earlier are
	// those before it.
	take func(earlier, lines []string) []string
}

var (
	finding    = lazyregexp.New(`^\s+\d+:\d+\s+error\s+\S`)
	compact    = lazyregexp.New(`:\d+:\d+: .*\[Error/[^\]]+\]$|: line \d+, col \d+, Error - `)
	problems   = lazyregexp.New(`^✖ \d+ problems? \([1-9]\d* errors?, |^Found \d+ warnings? and [1-9]\d* errors?\.`)
	testAt     = lazyregexp.New(`^test at .+:\d+:\d+$`)
	place      = lazyregexp.New(`^(?:file://|node:|/|[A-Za-z]:\\).*:\d+$`)
	caret      = lazyregexp.New(`^\s*\^+\s*$`)
	thrown     = lazyregexp.New(`^(?:Uncaught )?[\w$.]*(?:Error|Exception)(?: \[[\w-]+\])?: |^(?:error|Error|ERROR|fatal|FATAL)(?: TS\d+)?: `)
	foreign    = lazyregexp.New(`node:|ignore-listed frames|[/\\]node_modules[/\\]|<anonymous>\)?$`)
	notOK      = lazyregexp.New(`^\s*not ok \d+ - .`)
	failing    = lazyregexp.New(`^  [1-9]\d* failing$`)
	stackFrame = lazyregexp.New(`^\s+(?:at |❯ )\S`)
)

// forms are looked at in this order. A log has many lines, so each begins with what is quick.
var forms = []form{
	{strong, beginsWith("FATAL ERROR: "), func(_, lines []string) []string { return lines[:1] }},
	{strong, tscReports, func(_, lines []string) []string { return append(lines[:1:1], indented(lines[1:], 3)...) }},
	{strong, func(line string) bool { return strings.Contains(line, " error ") && finding().MatchString(line) }, eslint},
	{strong, func(line string) bool { return strings.Contains(line, "Error") && compact().MatchString(line) }, func(_, lines []string) []string { return lines[:1] }},
	{strong, beginsWith(" FAIL  "), vitest},
	{strong, func(line string) bool { return strings.HasPrefix(line, "  ● ") && line != "  ● Console" }, jest},
	{strong, func(line string) bool { return strings.HasSuffix(line, " failing") && failing().MatchString(line) }, mocha},
	{strong, func(line string) bool { return strings.HasPrefix(line, "test at ") && testAt().MatchString(line) }, func(_, lines []string) []string { return withPlace(lines) }}, // node --test
	{strong, func(line string) bool { return strings.Contains(line, "not ok ") && notOK().MatchString(line) }, tap},
	{strong, beginsWith("✘ [ERROR] "), func(_, lines []string) []string { return filled(lines, 3) }}, // esbuild
	{strong, beginsWith("ERROR in "), webpack},
	{strong, beginsWith("[!] "), func(_, lines []string) []string { return beforeStack(lines) }},                    // rollup
	{strong, beginsWith("error during build:"), func(_, lines []string) []string { return beforeStack(lines[1:]) }}, // vite
	{crash, func(line string) bool { return line != "" && isDigit(line[len(line)-1]) && place().MatchString(line) }, node},
	{weakest, func(line string) bool { return strings.Contains(line, "rror") && problems().MatchString(line) }, func(_, lines []string) []string { return lines[:1] }},
	{weakest, func(line string) bool { return strings.Contains(line, ": ") && thrown().MatchString(line) }, func(_, lines []string) []string { return withPlace(lines) }},
}

func beginsWith(text string) func(string) bool {
	return func(line string) bool { return strings.HasPrefix(line, text) }
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

var tscError = lazyregexp.New(`(?:^|[\s:])error TS\d+: `)

func tscReports(line string) bool {
	return strings.Contains(line, "error TS") && tscError().MatchString(line)
}

// eslint names the file in a line above all that it found there.
func eslint(earlier, lines []string) []string {
	for _, line := range slices.Backward(earlier) {
		if line != "" && line[0] != ' ' {
			return []string{line, lines[0]}
		}
	}
	return lines[:1]
}

// jest names the file in a line above all failures of it.
func jest(earlier, lines []string) (got []string) {
	for _, line := range slices.Backward(earlier) {
		if file, ok := strings.CutPrefix(strings.TrimSpace(line), "FAIL "); ok {
			got = append(got, "FAIL "+strings.TrimSpace(file))
			break
		}
	}
	return append(got, reported(lines)...)
}

// vitest begins as jest does in colour.
func vitest(_, lines []string) []string {
	if next := filled(lines[1:], 1); len(next) == 0 || strings.HasPrefix(next[0], "  ● ") {
		return nil
	}
	return reported(lines)
}

// reported is a failed test: its name, the message, and where.
func reported(lines []string) []string {
	got := lines[:1:1]
	got = append(got, filled(beforeFrame(lines[1:]), 3)...)
	if at := slices.IndexFunc(lines, func(line string) bool { return stackFrame().MatchString(line) && !foreign().MatchString(line) }); at > 0 {
		got = append(got, lines[at])
	}
	return got
}

// mocha lists the failed tests behind their number.
func mocha(_, lines []string) []string {
	first := filled(lines[1:], mostLines+3)
	if at := slices.IndexFunc(first, func(line string) bool { return strings.TrimSpace(line) == "+ expected - actual" }); at > 0 {
		first = first[:at]
	}
	first = beforeStack(first)
	if at := slices.IndexFunc(lines, func(line string) bool { return stackFrame().MatchString(line) && !foreign().MatchString(line) }); at > 0 {
		first = append(first, lines[at])
	}
	return first
}

// tap has the details of a failed test as YAML under its line.
func tap(_, lines []string) []string {
	got := lines[:1:1]
	for _, line := range lines[1:] {
		switch text := strings.TrimSpace(line); {
		case text == "...":
			return got
		case text == "failureType: 'subtestsFailed'":
			return nil // they are reported themselves
		case strings.HasPrefix(text, "location: "), strings.HasPrefix(text, "error: "):
			got = append(got, line)
		}
	}
	return got
}

// webpack tells behind the first lines all that it has tried.
func webpack(_, lines []string) []string {
	got := lines[:1:1]
	for _, line := range lines[1:min(4, len(lines))] {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "resolve '") {
			break
		}
		got = append(got, line)
	}
	return got
}

// node prints a place, the source line and a mark under it, and then the error.
func node(_, lines []string) []string {
	mark := slices.IndexFunc(lines[:min(8, len(lines))], caret().MatchString)
	if mark < 0 || mark+2 >= len(lines) {
		return nil
	}
	got := withPlace(lines[mark+2:])
	if !stackFrame().MatchString(got[len(got)-1]) && !strings.HasPrefix(lines[0], "node:") {
		got = append([]string{lines[0]}, got...) // the file cannot even be read
	}
	return got
}

// withPlace is an error's message and the first place of its stack that is in the user's
// own code.
func withPlace(lines []string) []string {
	got := filled(beforeStack(lines), 3)
	for _, line := range lines[len(got):] {
		if !stackFrame().MatchString(line) && strings.TrimSpace(line) == "" {
			break
		}
		if stackFrame().MatchString(line) && !foreign().MatchString(line) {
			return append(got, line)
		}
	}
	return got
}

// indented are the lines that go on with the one before them, at most so many.
func indented(lines []string, most int) []string {
	n := 0
	for n < min(most, len(lines)) && strings.HasPrefix(lines[n], "  ") && strings.TrimSpace(lines[n]) != "" {
		n++
	}
	return lines[:n]
}

// filled are the first lines that are not blank, at most so many.
func filled(lines []string, most int) (got []string) {
	for _, line := range lines {
		if len(got) == most {
			break
		}
		if strings.TrimSpace(line) != "" {
			got = append(got, line)
		}
	}
	return got
}

// beforeStack are the lines of a message in front of its stack, at most four.
func beforeStack(lines []string) []string {
	n := 0
	for n < min(mostLines-2, len(lines)) && !stackFrame().MatchString(lines[n]) && (n == 0 || strings.TrimSpace(lines[n]) != "") {
		n++
	}
	return slices.Clip(lines[:n])
}

var frame = lazyregexp.New(`^\s+(?:> )?\d+ ?\| |^\s+❯ |^- Expected$`)

// beforeFrame are the lines in front of the excerpt of the source or of the comparison.
func beforeFrame(lines []string) []string {
	if at := slices.IndexFunc(lines, func(line string) bool { return frame().MatchString(line) || stackFrame().MatchString(line) }); at >= 0 {
		return lines[:at]
	}
	return lines
}
