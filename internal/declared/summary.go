package declared

import (
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
)

// part is one kind of thing that a summary names.
type part struct {
	what  string
	names []string
}

// summaryOf is the line about a file of the root and those of some packages.
func summaryOf(file string, packages int, parts ...part) string {
	line := file
	switch packages {
	case 0:
		line += " declares the order of tasks"
	case 1:
		line += " and that of one package declare the order of tasks"
	default:
		line += fmt.Sprintf(" and those of %d packages declare the order of tasks", packages)
	}
	said := []string{line}
	for _, p := range parts {
		if len(p.names) > 0 {
			said = append(said, p.what+": "+problem.ShortList(p.names, most))
		}
	}
	return strings.Join(said, "; ")
}

// most is how many names a line lists of each kind.
const most = 6
