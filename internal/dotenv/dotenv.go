// Package dotenv reads files of variables as the npm package dotenv does, of which yarn has
// a copy. It never fails: what is no assignment is passed over.
package dotenv

import (
	"regexp"
	"strings"
)

// Entry is an assignment.
type Entry struct{ Name, Value string }

// assignment is dotenv's own pattern (lib/main.js, LINE).
var assignment = regexp.MustCompile("(?m)^\\s*(?:export\\s+)?([\\w.-]+)(?:\\s*=\\s*?|:\\s+?)" +
	"(\\s*'(?:\\\\'|[^'])*'|\\s*\"(?:\\\\\"|[^\"])*\"|\\s*`(?:\\\\`|[^`])*`|[^#\\r\\n]+)?\\s*(?:#.*)?$")

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Parse returns the assignments of a text in their order. References such as ${NAME} stay
// as they are.
func Parse(text []byte) (entries []Entry) {
	for _, found := range assignment.FindAllStringSubmatch(lineEnds.Replace(string(text)), -1) {
		value := strings.TrimSpace(found[2])
		double := strings.HasPrefix(value, `"`)
		if n := len(value); n > 1 && strings.ContainsRune("'\"`", rune(value[0])) && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		if double {
			value = strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(value)
		}
		entries = append(entries, Entry{found[1], value})
	}
	return entries
}
