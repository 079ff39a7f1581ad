package ci

import (
	"strings"
	"unicode"
)

// The characters that end or divide the parts of a command, as each system wants them
// written.
var (
	// ActionCommand.cs of GitHub's runner undoes these.
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	// Command.cs of Azure's agent undoes these. Older agents do not know the one for "%", so it
	// is used only where a "%" would be taken for one of the others.
	azureText = strings.NewReplacer("%3B", "%AZP253B", "%0D", "%AZP250D", "%0A", "%AZP250A", "%5D", "%AZP255D", "%AZP25", "%AZP25AZP25",
		";", "%3B", "\r", "%0D", "\n", "%0A", "]", "%5D")
	// https://www.jetbrains.com/help/teamcity/service-messages.html#Escaped+Values
	teamcityText = strings.NewReplacer("|", "||", "'", "|'", "[", "|[", "]", "|]", "\n", "|n", "\r", "|r", "\u0085", "|x", "\u2028", "|l", "\u2029", "|p")
)

// text makes s safe to show: control characters become spaces, and what some system takes for a
// command wherever it stands is escaped. Line ends stay if lines is set.
func text(s string, lines bool) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' && lines || !unicode.IsControl(r) && !unicode.In(r, unicode.Zl, unicode.Zp) {
			return r
		}
		return ' '
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	return string(appendEscaped(nil, []byte(s), everywhere))
}

// everywhere are the beginnings of commands that count in the middle of a line too, with what
// stands for them.
var everywhere = []replacement{
	{"##[", `##\x5b`}, {"##vso[", `##vso\x5b`}, {"##teamcity[", `##teamcity\x5b`},
	{"section_start:", `section\x5fstart:`}, {"section_end:", `section\x5fend:`},
	{"fold:start:", `fold\x3astart:`}, {"fold:end:", `fold\x3aend:`}, {"time:start:", `time\x3astart:`}, {"time:end:", `time\x3aend:`}, // Travis's viewer wants no "travis_"
}

type replacement struct{ from, to string }
