// Package nearest finds the names that a user may have meant by a misspelt one.
package nearest

import (
	"cmp"
	"slices"
	"strings"
)

// Names returns the candidates that are close to name, at most most of them, the
// closest first. A candidate is close if its edit distance, without regard to
// letter case, is at most a third of the longer name's length, or if it contains
// name and name has three bytes or more.
func Names(name string, candidates []string, most int) []string {
	type scored struct {
		name  string
		score int
	}
	var near []scored
	lower := strings.ToLower(name)
	for _, c := range candidates {
		other := strings.ToLower(c)
		d := distance(lower, other)
		switch {
		case d <= max(len(lower), len(other))/3:
		case len(lower) >= 3 && strings.Contains(other, lower):
			d = len(other) // after every near miss
		default:
			continue
		}
		near = append(near, scored{c, d})
	}
	slices.SortStableFunc(near, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), strings.Compare(a.name, b.name))
	})
	var names []string
	for _, s := range near[:min(most, len(near))] {
		names = append(names, s.name)
	}
	return names
}

// Hint returns "did you mean CANDIDATE?", or "WHAT: " with a list of all candidates
// if none is close.
func Hint(name string, candidates []string, what string) string {
	if near := Names(name, candidates, 1); len(near) > 0 {
		return "did you mean " + near[0] + "?"
	}
	return what + ": " + strings.Join(candidates, ", ")
}

// distance is the restricted Damerau-Levenshtein distance (optimal string
// alignment) in bytes: a swap of two neighbours is one edit.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
