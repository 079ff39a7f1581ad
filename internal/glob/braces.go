package glob

import "strings"

// mostForms bounds what the braces of one pattern may expand to. A pattern with
// more keeps some of its braces.
const mostForms = 1000

// expandBraces writes out "{a,b}", which may hold slashes. One "@(a|b)" counts as
// braces.
func expandBraces(pattern string) []string {
	if open, rest, ok := strings.Cut(pattern, "@("); ok {
		if body, tail, ok := strings.Cut(rest, ")"); ok {
			pattern = open + "{" + strings.ReplaceAll(body, "|", ",") + "}" + tail
		}
	}
	forms := []string{pattern}
	for {
		var next []string
		changed := false
		for _, f := range forms {
			parts := expandOne(f)
			changed = changed || len(parts) > 1
			next = append(next, parts...)
		}
		if !changed || len(next) > mostForms {
			return forms
		}
		forms = next
	}
}

// expandOne writes out the first pair of braces that holds a comma and no other
// braces.
func expandOne(pattern string) []string {
	start := -1
	comma := false
	for i, c := range pattern {
		switch c {
		case '{':
			start, comma = i, false
		case ',':
			comma = true
		case '}':
			if start >= 0 && comma {
				var forms []string
				for choice := range strings.SplitSeq(pattern[start+1:i], ",") {
					forms = append(forms, pattern[:start]+choice+pattern[i+1:])
				}
				return forms
			}
			start = -1
		}
	}
	return []string{pattern}
}
