package ci

import (
	"bytes"
	"unicode"
)

// AppendInert appends a line of a program's output to dst, changed so that the system takes
// nothing in it for a command. The line is given without its end. Most lines have no command and
// stay as they are; in one that has, the character that matters is written as an escape such
// as \x3a, or moved by a space. Carriage returns in the line count as line ends, as they do
// for GitHub's runner and Buildkite's viewer.
//
//	GitHub Actions   ::group::x   ##[group]x
//	Azure Pipelines  ##vso[task.setvariable variable=x]y   ##[group]x
//	GitLab CI        section_start:1560896352:x
//	Buildkite        --- x
//	TeamCity         ##teamcity[blockOpened name='x']
//	Travis CI        fold:start:x   time:end:x
//
// Masked secrets are commands too: see [System.ParseMask].
func (s System) AppendInert(dst, line []byte) []byte {
	if s != GitHubActions && s != Buildkite {
		return appendEscaped(dst, line, inLine[s])
	}
	for more := true; more; {
		var part []byte
		part, line, more = bytes.Cut(line, []byte{'\r'})
		if s == Buildkite {
			if isBuildkiteHeader(part) {
				dst = append(dst, ' ')
			}
		} else if at := len(part) - len(bytes.TrimLeftFunc(part, unicode.IsSpace)); isGitHubCommand(part[at:]) {
			dst = append(append(dst, part[:at]...), `\x3a\x3a`...)
			part = part[at+len("::"):]
		}
		dst = appendEscaped(dst, part, inLine[s])
		if more {
			dst = append(dst, '\r')
		}
	}
	return dst
}

// inLine are those of everywhere that each system obeys.
var inLine = map[System][]replacement{
	GitHubActions: everywhere[:1], AzurePipelines: everywhere[:2], TeamCity: everywhere[2:3], GitLab: everywhere[3:5], Travis: everywhere[5:],
}

// isGitHubCommand reports whether a line has the form ::name properties::data. Which names
// count differs between versions of the runner, and a stopped command adds one.
func isGitHubCommand(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("::"))
	return ok && bytes.Contains(rest, []byte("::"))
}

// isBuildkiteHeader reports whether a line begins a group, or opens the one before it. Nothing that
// a terminal does not show counts in front of it.
func isBuildkiteHeader(line []byte) bool {
	line = line[unseen(line):]
	if len(line) < 3 {
		return false
	}
	switch string(line[:3]) {
	case "---", "+++", "~~~", "^^^":
		return len(line) == 3 || bytes.IndexByte([]byte(" \t\f\v\r"), line[3]) >= 0
	}
	return false
}

// unseen is how many bytes at the beginning of a line are sequences of a terminal, such as colors, and
// control characters.
func unseen(line []byte) (n int) {
	for n < len(line) && line[n] < ' ' && line[n] != '\t' {
		n++
		if rest := line[n:]; line[n-1] == '\x1b' && len(rest) > 0 {
			switch rest[0] {
			case '[':
				n += bytes.IndexFunc(rest[1:], func(r rune) bool { return r >= '@' && r <= '~' }) + 2
			case ']', '_', 'P', '^', 'X':
				n += max(0, bytes.IndexAny(rest, "\a\x1b")) // which ends it
			default:
				n++
			}
		}
	}
	return n
}

// appendEscaped appends a text in which each of some beginnings is replaced.
func appendEscaped(dst, text []byte, all []replacement) []byte {
	for len(all) > 0 {
		at, first := len(text), replacement{}
		for _, r := range all {
			if i := bytes.Index(text[:min(len(text), at+len(r.from))], []byte(r.from)); i >= 0 && i < at {
				at, first = i, r
			}
		}
		dst = append(dst, text[:at]...)
		if text = text[at:]; len(text) == 0 {
			return dst
		}
		dst, text = append(dst, first.to...), text[len(first.from):]
	}
	return append(dst, text...)
}
