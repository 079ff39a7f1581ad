package problem

import (
	"fmt"
	"strings"
)

// ShortList lists the first names, at most most of them, and how many more there are.
func ShortList(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
