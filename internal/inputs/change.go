package inputs

import (
	"path"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

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
