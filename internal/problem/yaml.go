package problem

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// YAML takes apart what the YAML library says of a text that it cannot read. The
// line counts from 1; it is zero where the library names none.
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
		line = 1 // and leaves the first out
	}
	return min(line, 1+bytes.Count(bytes.TrimSpace(text), []byte("\n"))), what
}
