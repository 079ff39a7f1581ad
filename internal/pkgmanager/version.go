package pkgmanager

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
)

var (
	versionText = regexp.MustCompile(`^[\^~>=v\s]*(\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.-]+)?)(?:\s.*)?$`)
	yarnRelease = regexp.MustCompile(`yarn-(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+?)?)\.c?js$`)
	berryLock   = regexp.MustCompile(`(?m)^__metadata:\s*\n\s+version: "?(\d+)`)
	pnpmLock    = regexp.MustCompile(`(?m)^lockfileVersion: ['"]?(\d+)`)
)

// Major returns the first number of a version, 0 if there is none.
func Major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(first)
	return n
}

// exactVersion is the version in a declaration, or the lowest one of a range such
// as ">=9.1.0"; empty for anything else (an address, a tag).
func exactVersion(text string) string {
	if found := versionText.FindStringSubmatch(strings.TrimSpace(text)); found != nil {
		return found[1]
	}
	return ""
}

// releaseVersion is the version in the name of a checked-in yarn.
func releaseVersion(path string) string {
	if found := yarnRelease.FindStringSubmatch(path); found != nil {
		return found[1]
	}
	return ""
}

// lockHead is how much of a lock file is read. They grow to many MB, and the
// format is at the top (pnpm 11 puts a small document before it).
const lockHead = 64 << 10

// impliedVersion is the major version that wrote the lock file, as far as its
// format tells; empty if it does not.
func impliedVersion(root string, m Manager) string {
	switch m.Name {
	case Yarn:
		head := folder.Head(root, "yarn.lock", lockHead)
		if found := berryLock.FindSubmatch(head); found != nil {
			switch format, _ := strconv.Atoi(string(found[1])); {
			case format >= 8:
				return "4"
			case format >= 5:
				return "3"
			}
			return "2"
		}
		if bytes.Contains(head, []byte("# yarn lockfile v1")) || m.YarnRC == nil {
			return "1"
		}
		return "4"
	case PNPM:
		if found := pnpmLock.FindSubmatch(folder.Head(root, "pnpm-lock.yaml", lockHead)); found != nil {
			switch string(found[1]) {
			case "5":
				return "7"
			case "6":
				return "8"
			case "9":
				return "9"
			}
		}
	case NPM, Bun: // no rule depends on their version
	}
	return ""
}
