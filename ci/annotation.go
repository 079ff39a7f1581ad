package ci

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Severity is how grave an annotation is. The zero value is Error, and so is every value
// that is none of the constants.
type Severity int

// The severities. On TeamCity an Error fails the build. Azure has no Notice: it is a Warning
// there.
const (
	Error Severity = iota
	Warning
	Notice
)

// String returns "error", "warning" or "notice".
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Notice:
		return "notice"
	default:
		return "error"
	}
}

// Annotation is a message about a place in the code, or about the whole run. GitHub and Azure
// show the first ten of each severity in a step. [Group] names the sources of the forms.
type Annotation struct {
	Severity Severity
	// File is the path in the repository, with "/"; empty if it is about no file.
	File string
	// Line and Column count from 1; 0 and less means unknown.
	Line, Column int
	// Title is one line; Message may have several. An annotation without a message is none.
	Title, Message string
}

// Command returns the line that adds the annotation, with its end. It is empty if the system takes
// none from the log: then the message must be read in the log itself.
func (a Annotation) Command(on System) string {
	message := strings.TrimSpace(text(a.Message, true))
	if message == "" {
		return ""
	}
	title, file := strings.TrimSpace(text(a.Title, false)), strings.TrimSpace(text(a.File, false))
	switch on {
	case GitHubActions:
		properties := a.properties([]property{{"title", title}, {"file", file}}, "line", "col", ",", githubProperty)
		return fmt.Sprintf("::%v%s::%s\n", a.Severity, properties, githubData.Replace(message))
	case AzurePipelines:
		severity := a.Severity
		if severity == Notice {
			severity = Warning
		}
		properties := a.properties([]property{{"type", severity.String()}, {"sourcepath", file}}, "linenumber", "columnnumber", ";", azureText)
		return fmt.Sprintf("##vso[task.logissue%s]%s\n", properties, azureText.Replace(titled(title, message)))
	case TeamCity:
		message = titled(title, message)
		if file != "" {
			message = place(file, a.Line, a.Column) + ": " + message
		}
		status := "NORMAL"
		switch a.Severity {
		case Warning:
			status = "WARNING"
		case Notice:
		default:
			return "##teamcity[buildProblem description='" + teamcityText.Replace(cut(message, mostProblem)) + "']\n"
		}
		return fmt.Sprintf("##teamcity[message text='%s' status='%s']\n", teamcityText.Replace(message), status)
	default:
		return ""
	}
}

// mostProblem bounds the description of a problem, in bytes. TeamCity takes 4000 characters.
const mostProblem = 4000

type property struct{ name, value string }

// properties returns " name=value,name=value" of those that are not empty.
func (a Annotation) properties(all []property, line, column, comma string, escape *strings.Replacer) string {
	if a.File != "" && a.Line > 0 {
		all = append(all, property{line, strconv.Itoa(a.Line)})
		if a.Column > 0 {
			all = append(all, property{column, strconv.Itoa(a.Column)})
		}
	}
	var b strings.Builder
	between := " "
	for _, p := range all {
		if p.value != "" {
			b.WriteString(between + p.name + "=" + escape.Replace(p.value))
			between = comma
		}
	}
	return b.String()
}

func place(file string, line, column int) string {
	switch {
	case line <= 0:
		return file
	case column <= 0:
		return fmt.Sprintf("%s:%d", file, line)
	default:
		return fmt.Sprintf("%s:%d:%d", file, line, column)
	}
}

func titled(title, message string) string {
	if title == "" {
		return message
	}
	return title + ": " + message
}

// cut shortens a text to so many bytes, in front of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// ParseAnnotation reads the annotation that a line of a program's output, given without its end,
// adds on GitHub Actions or Azure Pipelines. What [System.AppendInert] returns adds none. ok is false if the line adds none.
func (s System) ParseAnnotation(line string) (a Annotation, ok bool) {
	name, properties, data, ok := s.parse(line)
	if !ok {
		return a, false
	}
	switch {
	case s == GitHubActions:
		a = Annotation{File: properties["file"], Title: properties["title"], Message: data}
		a.Line, a.Column = number(cmp.Or(properties["line"], properties["endline"])), number(cmp.Or(properties["col"], properties["column"])) // vitest says "column"
	case name == "task.logissue":
		name = properties["type"]
		a = Annotation{File: properties["sourcepath"], Message: data, Line: number(properties["linenumber"]), Column: number(properties["columnnumber"])}
	default:
		return a, false
	}
	for a.Severity = Error; a.Severity <= Notice; a.Severity++ {
		if strings.EqualFold(name, a.Severity.String()) {
			return a, strings.TrimSpace(data) != ""
		}
	}
	return Annotation{}, false
}

// number is zero if the text is no number.
func number(text string) int {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}
