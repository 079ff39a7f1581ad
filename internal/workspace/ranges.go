package workspace

import (
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// ranges answers whether a version satisfies an npm range, and remembers the
// ranges that it has read. Its zero value is ready; it is for one goroutine.
type ranges struct{ known map[string][]alternative } // nil where the text is no range

// alternative is one side of a "||".
type alternative struct {
	constraint *semver.Constraints
	// tuples are the major.minor.patch triples that the text gives with a
	// prerelease. npm lets a prerelease version in only beside such a triple.
	tuples []string
}

var (
	tuplePattern = regexp.MustCompile(`v?(\d+\.\d+\.\d+)-[0-9A-Za-z]`)
	// foreign is what the library takes for a range and npm does not.
	foreign    = regexp.MustCompile(`,|!=|=>|=<|[*xX]-`)
	tildeArrow = regexp.MustCompile(`~>\s*`)
)

// valid tells whether text is a range at all, and not a tag such as "latest".
func (r *ranges) valid(text string) bool { return r.parse(text) != nil }

// satisfied tells whether version is in the range as npm's semver has it. A
// version or range that is none is never satisfied.
func (r *ranges) satisfied(version, text string) bool {
	v, err := exact(version)
	if err != nil {
		return false
	}
	for _, a := range r.parse(text) {
		if v.Prerelease() == "" {
			if a.constraint.Check(v) {
				return true
			}
			continue
		}
		if a.lets(v) && a.constraint.Check(v) {
			return true
		}
	}
	return false
}

func (a alternative) lets(v *semver.Version) bool {
	core := semver.New(v.Major(), v.Minor(), v.Patch(), "", "").String()
	for _, t := range a.tuples {
		if t == core {
			return true
		}
	}
	return false
}

func (r *ranges) parse(text string) []alternative {
	if known, ok := r.known[text]; ok {
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
			continue // npm passes over a side that is no range, too
		}
		a := alternative{constraint: c}
		for _, m := range tuplePattern.FindAllStringSubmatch(side, -1) {
			a.tuples = append(a.tuples, m[1])
		}
		parsed = append(parsed, a)
	}
	if r.known == nil {
		r.known = map[string][]alternative{}
	}
	r.known[text] = parsed
	return parsed
}

// newer tells whether version a is higher than b. What is no version is lowest.
func newer(a, b string) bool {
	x, err := exact(a)
	if err != nil {
		return false
	}
	y, err := exact(b)
	return err != nil || x.GreaterThan(y)
}

// exact reads a full version; npm lets a "v" or "=" stand before it.
func exact(version string) (*semver.Version, error) {
	return semver.StrictNewVersion(strings.TrimLeft(strings.TrimSpace(version), "v="))
}
