package declared

import (
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/nxfile"
)

// Reads are the files that a task is declared to read, told the same for all runners. The zero
// value are the files of its package. They matter if tasks are not observed.
type Reads struct {
	// Instead is set if Globs stand in place of the package's files.
	Instead bool
	// Globs are relative to the workspace, with slashes; "!" takes files away, those of the
	// package too.
	Globs []string
	// Listed is set if what Git ignores in the package matches no glob.
	Listed bool
}

// besideOwn are Reads by globs of a package's folder, beside all its files. They take nothing
// away.
func besideOwn(dir string, globs []string) (r Reads) {
	for _, glob := range globs {
		if !strings.HasPrefix(glob, "!") {
			r.Globs = append(r.Globs, path.Join(dir, glob))
		}
	}
	return r
}

// Turborepo's words in inputs.
const (
	turboDefault = "$TURBO_DEFAULT$"
	turboRoot    = "$TURBO_ROOT$/"
)

// readsOfTurbo are those by "inputs" of a turbo.json.
func readsOfTurbo(dir string, inputs []string) Reads {
	r := Reads{Instead: len(inputs) > 0 && !slices.Contains(inputs, turboDefault)}
	for _, glob := range inputs {
		if rest, base := cutNot(glob); rest != turboDefault {
			if inRoot, ok := strings.CutPrefix(rest, turboRoot); ok {
				r.Globs = append(r.Globs, base+path.Clean(inRoot))
			} else {
				r.Globs = append(r.Globs, base+path.Join(dir, rest))
			}
		}
	}
	return r
}

// readsOfNx are those by "inputs" of Nx. Which files an entry means that is not understood is
// not known: then all of the package's count.
func readsOfNx(dir string, in nxfile.Inputs) Reads {
	r, all, some := Reads{Listed: true}, len(in.Unknown) > 0, false
	for _, glob := range in.Globs {
		rest, not := cutNot(glob)
		switch inside, ok := strings.CutPrefix(rest, nxfile.InProject); {
		case !ok:
			r.Globs = append(r.Globs, not+path.Clean(strings.TrimPrefix(rest, nxfile.InWorkspace)))
		case not == "" && (inside == "**/*" || inside == "**"):
			all = true
		default:
			some = some || not == ""
			r.Globs = append(r.Globs, not+path.Join(dir, inside))
		}
	}
	r.Instead = some && !all
	return r
}

// cutNot takes the "!" off a glob.
func cutNot(glob string) (rest, not string) {
	if rest, ok := strings.CutPrefix(glob, "!"); ok {
		return rest, "!"
	}
	return glob, ""
}
