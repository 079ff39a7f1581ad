// Package npmrange compares versions with ranges as npm's semver does. It
// corrects a semver library where npm differs: prereleases, "||" and texts that
// npm takes for no range.
package npmrange

import (
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Cache tells whether versions satisfy ranges, and remembers each range that it
// has read: a workspace repeats few ranges often. The zero value is ready. It is
// not safe for several goroutines.
type Cache struct{ known map[string][]alternative } // nil for a text that is no range

// alternative is one side of a "||".
type alternative struct {
	constraint *semver.Constraints
	// tuples are the major.minor.patch triples that the text gives with a
	// prerelease. npm accepts a prerelease only of such a triple.
	tuples []string
}

var (
	tuplePattern = regexp.MustCompile(`v?(\d+\.\d+\.\d+)-[0-9A-Za-z]`)
	// foreign is what the library accepts in a range and npm does not.
	foreign    = regexp.MustCompile(`,|!=|=>|=<|[*xX]-`)
	tildeArrow = regexp.MustCompile(`~>\s*`)
)

// Valid reports whether text is a range, and not a tag such as "latest".
func (c *Cache) Valid(text string) bool { return c.parse(text) != nil }

// Satisfied reports whether a version is in a range. What is not a version, or
// not a range, never is.
func (c *Cache) Satisfied(version, text string) bool {
	v, err := exact(version)
	if err != nil {
		return false
	}
	for _, a := range c.parse(text) {
		if v.Prerelease() == "" {
			if a.constraint.Check(v) {
				return true
			}
			continue
		}
		if a.accepts(v) && a.constraint.Check(v) {
			return true
		}
	}
	return false
}

// accepts tells whether npm compares a prerelease with the alternative at all.
func (a alternative) accepts(v *semver.Version) bool {
	core := semver.New(v.Major(), v.Minor(), v.Patch(), "", "").String()
	return slices.Contains(a.tuples, core)
}

func (c *Cache) parse(text string) []alternative {
	if known, ok := c.known[text]; ok {
		return known
	}
	var parsed []alternative
	for side := range strings.SplitSeq(text, "||") {
		side = strings.TrimSpace(tildeArrow.ReplaceAllString(side, "~"))
		if side == "" {
			side = "*"
		}
		if foreign.MatchString(side) {
			continue
		}
		c, err := semver.NewConstraint(side)
		if err != nil {
			continue // npm ignores a side that is no range, too
		}
		a := alternative{constraint: c}
		for _, m := range tuplePattern.FindAllStringSubmatch(side, -1) {
			a.tuples = append(a.tuples, m[1])
		}
		parsed = append(parsed, a)
	}
	if c.known == nil {
		c.known = map[string][]alternative{}
	}
	c.known[text] = parsed
	return parsed
}

// Newer reports whether version a is higher than b. What is not a version is lowest.
func Newer(a, b string) bool {
	x, err := exact(a)
	if err != nil {
		return false
	}
	y, err := exact(b)
	return err != nil || x.GreaterThan(y)
}

// exact reads a full version; npm allows a "v" or "=" before it.
func exact(version string) (*semver.Version, error) {
	return semver.StrictNewVersion(strings.TrimLeft(strings.TrimSpace(version), "v="))
}
