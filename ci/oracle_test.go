package ci_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/heapmage/heapmage/ci"
)

// command is what a system's agent takes out of a log.
type command struct {
	name       string
	properties map[string]string
	data       string
}

// agents tell what the agents of systems find in a text that a step prints.
var agents = map[ci.System]func(text string) []command{
	ci.GitHubActions:  githubRunner,
	ci.AzurePipelines: azureAgent,
	ci.GitLab:         markers("section_start:", "section_end:"),
	ci.Buildkite:      buildkite,
	ci.TeamCity:       teamcity,
	ci.Travis:         markers("fold:start:", "fold:end:", "time:start:", "time:end:"),
}

// registered are the commands that some version of GitHub's runner obeys.
var registered = []string{
	"add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "internal-set-repo-path", "notice", "remove-matcher",
	"save-state", "set-env", "set-output", "stop-commands", "warning", "stopped-with-this",
}

// githubRunner finds commands as OutputManager.cs, ActionCommandManager.cs and ActionCommand.cs
// of actions/runner do: in each line, whose end is CR, LF or both, first the form ::name::, then
// ##[name].
func githubRunner(text string) (found []command) {
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if c, ok := secondForm(line); ok {
			found = append(found, c)
		} else if c, ok := firstForm(line); ok {
			found = append(found, c)
		} else if strings.HasPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "##[") {
			found = append(found, command{name: line}) // the log's viewer takes it for a group or a severity
		}
	}
	return found
}

func secondForm(line string) (c command, ok bool) {
	line, ok = strings.CutPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::")
	info, data, closed := strings.Cut(line, "::")
	if !ok || !closed {
		return c, false
	}
	name, list, _ := strings.Cut(info, " ")
	return newCommand(name, strings.TrimSpace(list), ",", data, []string{"%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%"}, []string{"%0D", "\r", "%0A", "\n", "%25", "%"})
}

func firstForm(line string) (c command, ok bool) {
	at := strings.Index(line, "##[")
	if at < 0 {
		return c, false
	}
	info, data, closed := strings.Cut(line[at+3:], "]")
	if !closed {
		return c, false
	}
	escapes := []string{"%3B", ";", "%0D", "\r", "%0A", "\n", "%5D", "]", "%25", "%"}
	name, list, _ := strings.Cut(info, " ")
	return newCommand(name, list, ";", data, escapes, escapes)
}

func newCommand(name, list, comma, data string, ofProperty, ofData []string) (c command, ok bool) {
	if !slices.ContainsFunc(registered, func(r string) bool { return strings.EqualFold(r, name) }) {
		return c, false
	}
	c = command{name, map[string]string{}, undo(data, ofData)}
	for one := range strings.SplitSeq(list, comma) {
		if key, value, _ := strings.Cut(one, "="); key != "" && value != "" {
			c.properties[strings.ToLower(key)] = undo(value, ofProperty)
		}
	}
	return c, true
}

// undo replaces each escape in turn, as the agents do.
func undo(text string, escapes []string) string {
	for pair := range slices.Chunk(escapes, 2) {
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text
}

// azureAgent finds commands as Command.cs of azure-pipelines-agent does, and the lines that the
// log's viewer formats.
func azureAgent(text string) (found []command) {
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if at := strings.Index(line, "##vso["); at >= 0 {
			info, data, closed := strings.Cut(line[at+len("##vso["):], "]")
			name, list, _ := strings.Cut(info, " ")
			if area, event, ok := strings.Cut(name, "."); !closed || !ok || area == "" || event == "" {
				continue
			}
			escapes := []string{"%3B", ";", "%0D", "\r", "%0A", "\n", "%5D", "]", "%AZP25", "%"}
			c := command{name, map[string]string{}, undo(data, escapes)}
			for one := range strings.SplitSeq(list, ";") {
				if key, value, _ := strings.Cut(one, "="); key != "" && value != "" {
					c.properties[strings.ToLower(key)] = undo(value, escapes)
				}
			}
			found = append(found, c)
		} else if at := strings.Index(line, "##["); at >= 0 {
			name, data, _ := strings.Cut(line[at+3:], "]")
			found = append(found, command{name: name, data: data})
		}
	}
	return found
}

// markers finds what begins so, anywhere.
func markers(beginnings ...string) func(string) []command {
	return func(text string) (found []command) {
		for line := range strings.SplitSeq(text, "\n") {
			for _, b := range beginnings {
				for _, rest := range strings.Split(line, b)[1:] {
					name, title, _ := strings.Cut(rest, "\r\x1b[0K")
					found = append(found, command{name: b + name, data: title})
				}
			}
		}
		return found
	}
}

var unseen = regexp.MustCompile("^(?:\x1b\\[[^@-~]*[@-~]|\x1b[]_PX^][^\a\x1b]*(?:\a|\x1b\\\\)|[\x00-\x08\v\f\x0e-\x1a])+")

// buildkite finds headers as the viewer does, without what a terminal does not show.
func buildkite(text string) (found []command) {
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		line = unseen.ReplaceAllString(line, "")
		for _, b := range []string{"---", "+++", "~~~", "^^^"} {
			if rest, ok := strings.CutPrefix(line, b); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\f\r")) {
				found = append(found, command{name: b, data: strings.TrimSpace(rest)})
			}
		}
	}
	return found
}

// teamcity finds service messages and undoes their escapes; a message that is not well formed
// has a name that tells so.
func teamcity(text string) (found []command) {
	for line := range strings.SplitSeq(text, "\n") {
		for {
			_, rest, ok := strings.Cut(line, "##teamcity[")
			if !ok {
				break
			}
			var c command
			c, line = message(rest)
			found = append(found, c)
		}
	}
	return found
}

func message(text string) (c command, rest string) {
	name, text, _ := strings.Cut(text, " ")
	c = command{name: name, properties: map[string]string{}}
	for {
		key, after, ok := strings.Cut(text, "='")
		if !ok {
			return command{name: "malformed"}, ""
		}
		var value strings.Builder
		i := 0
		for ; i < len(after) && after[i] != '\''; i++ {
			if after[i] == '[' || after[i] == ']' {
				return command{name: "malformed"}, after
			}
			if after[i] == '|' && i+1 < len(after) {
				i++
				if replaced, ok := map[byte]string{'n': "\n", 'r': "\r", 'x': "\u0085", 'l': "\u2028", 'p': "\u2029"}[after[i]]; ok {
					value.WriteString(replaced)
					continue
				}
			}
			value.WriteByte(after[i])
		}
		if i >= len(after) {
			return command{name: "malformed"}, ""
		}
		c.properties[strings.TrimSpace(key)] = value.String()
		if text = after[i+1:]; strings.HasPrefix(text, "]") {
			return c, text[1:]
		}
	}
}

// fileCommands reads a file such as GITHUB_OUTPUT as FileCommandManager.cs of actions/runner does.
func fileCommands(text string) (map[string]string, error) {
	values := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		equals, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
		switch {
		case line == "":
		case equals >= 0 && (heredoc < 0 || equals < heredoc):
			values[line[:equals]] = line[equals+1:]
		case heredoc > 0 && line[heredoc+2:] != "":
			end := slices.Index(lines[i+1:], line[heredoc+2:])
			if end < 0 {
				return nil, fmt.Errorf("no end of %q", line)
			}
			values[line[:heredoc]] = strings.Join(lines[i+1:i+1+end], "\n")
			i += 1 + end
		default:
			return nil, fmt.Errorf("invalid line %q", line)
		}
	}
	return values, nil
}
