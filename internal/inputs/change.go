package inputs

import (
	"maps"
	"path"
	"slices"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

// ChangedPart puts into words which of the parts of a weak key is another now: the first one, those that
// are there now before those that are gone. It is empty if all are equal.
func ChangedPart(before, now map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if text, ok := before[name]; !ok || text != now[name] {
			return name + " changed"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := now[name]; !ok {
			return name + " is gone"
		}
	}
	return ""
}

// Change puts into words that an input has another state now.
func (in Known) Change(now fingerprint.State) string {
	switch {
	case in.Aspect == Installed:
		return "what is installed in " + in.Path + " changed"
	case in.Aspect == Program:
		return "PATH leads to another " + in.Path
	case in.Aspect == Variable:
		return "the variable " + in.Path + " changed"
	case in.State == fingerprint.Absent:
		return in.Path + " is new"
	case now == fingerprint.Absent:
		return in.Path + " is gone"
	case in.Aspect == Names:
		return "files were added to or removed from " + folderName(in.Path)
	default:
		return in.Path + " changed"
	}
}

func folderName(p string) string {
	if p == "." {
		return "the workspace's folder"
	}
	return path.Clean(p)
}
