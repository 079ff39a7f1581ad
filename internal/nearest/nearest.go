// Package nearest finds the names a user may have meant.
package nearest

import (
	"cmp"
	"slices"
	"strings"
)

// Names returns up to most of the candidates that are closest to name by edit
// distance, letter case aside, closest first; only those that are near enough
// to be meant: within a third of the longer name's length, or holding name.
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

// Hint says which candidate was meant, or lists them under what they are.
func Hint(name string, candidates []string, what string) string {
	if near := Names(name, candidates, 1); len(near) > 0 {
		return "did you mean " + near[0] + "?"
	}
	return what + ": " + strings.Join(candidates, ", ")
}

// distance is the Damerau-Levenshtein distance in its restricted form (optimal
// string alignment), in bytes.
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
