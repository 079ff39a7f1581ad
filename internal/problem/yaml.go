package problem

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// YAML splits an error of the YAML library on a text into the line, from 1, and
// the rest of the message. The line is zero if the library names none.
func YAML(text []byte, err error) (line int, what string) {
	what = strings.TrimPrefix(err.Error(), "yaml: ")
	placed := false
	if m := yamlLine.FindStringSubmatch(what); m != nil {
		line, _ = strconv.Atoi(m[1])
		what, placed = strings.TrimPrefix(what, m[0]), true
	}
	switch {
	case placed && strings.HasPrefix(what, "did not find expected"):
		line++ // the library's parser counts lines from 0, its scanner from 1
	case !placed && (strings.HasPrefix(what, "did not find expected") || strings.HasPrefix(what, "found ") || strings.HasPrefix(what, "mapping values")):
		line = 1 // and neither names the first
	}
	return min(line, 1+bytes.Count(bytes.TrimSpace(text), []byte("\n"))), what
}
