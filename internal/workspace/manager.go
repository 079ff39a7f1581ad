package workspace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
)

// manager is what a root folder says about its package manager, with what the
// manager's own settings say about members and edges.
type manager struct {
	name     Manager
	version  string
	from     string
	lockFile string
	// berry is true for yarn 2 and newer.
	berry    bool
	warnings []string

	pnpm  *settings // pnpm-workspace.yaml, nil where there is none
	yarn  *settings // .yarnrc.yml, nil where there is none
	npmrc []byte
}

// lockFiles are the names of lock files, the one that counts first where a
// repository has several and declares no manager. npm's come last: they are
// the ones that are left over or made by accident.
var lockFiles = []struct {
	file    string
	manager Manager
}{
	{"pnpm-lock.yaml", PNPM},
	{"yarn.lock", Yarn},
	{"bun.lock", Bun},
	{"bun.lockb", Bun},
	{"npm-shrinkwrap.json", NPM},
	{"package-lock.json", NPM},
}

// rootIsMember tells whether the manager counts the root among the packages.
func (m manager) rootIsMember() bool {
	return m.name == PNPM || m.name == Yarn && m.berry
}

// detectManager finds which package manager a root folder is for. A
// declaration in package.json goes before yarnPath, that before lock files.
func detectManager(root string, own *manifest) (manager, error) {
	m := manager{npmrc: optional(root, ".npmrc")}
	var err error
	if m.pnpm, err = readSettings(root, "pnpm-workspace.yaml"); err != nil {
		return m, err
	}
	if m.yarn, err = readSettings(root, ".yarnrc.yml"); err != nil {
		return m, err
	}

	locks := map[Manager]string{}
	var order []Manager
	for _, l := range lockFiles {
		if _, known := locks[l.manager]; !known && isFile(filepath.Join(root, l.file)) {
			locks[l.manager] = l.file
			order = append(order, l.manager)
		}
	}

	m.declared(own)
	m.yarnPath(optional(root, ".yarnrc"))
	switch {
	case m.name != "":
	case m.pnpm != nil && m.pnpm.hasPackages:
		m.name, m.from = PNPM, "pnpm-workspace.yaml"
	case len(order) > 0:
		m.name, m.from = order[0], locks[order[0]]
	case m.pnpm != nil:
		m.name, m.from = PNPM, "pnpm-workspace.yaml"
	case m.yarn != nil:
		m.name, m.from = Yarn, ".yarnrc.yml"
	default:
		m.name, m.from = NPM, "package.json"
	}
	m.lockFile = locks[m.name]
	for _, other := range order {
		if other != m.name {
			m.warnings = append(m.warnings, fmt.Sprintf("%s is a lock file of %s, but %s says %s: %s is used", locks[other], other, m.from, m.name, m.name))
		}
	}
	if m.version == "" {
		m.version = impliedVersion(root, m)
	}
	m.berry = m.name == Yarn && major(m.version) >= 2
	return m, nil
}

// declared reads "packageManager", then "devEngines".
func (m *manager) declared(p *manifest) {
	if p == nil {
		return
	}
	var text string
	if p.decode("packageManager", &text) && text != "" {
		name, version, _ := strings.Cut(text, "@")
		version, _, _ = strings.Cut(version, "+")
		if m.known(name) {
			m.name, m.version, m.from = Manager(name), exactVersion(version), `"packageManager" in package.json`
			return
		}
		m.warnings = append(m.warnings, fmt.Sprintf(`"packageManager" in package.json names %q, which is not known: it is passed over`, text))
	}
	type engine struct{ Name, Version string }
	var engines struct{ PackageManager json.RawMessage }
	if !p.decode("devEngines", &engines) {
		return
	}
	var choices []engine
	if json.Unmarshal(engines.PackageManager, &choices) != nil {
		var one engine
		if json.Unmarshal(engines.PackageManager, &one) != nil {
			return
		}
		choices = []engine{one}
	}
	for _, c := range choices {
		if m.known(c.Name) {
			m.name, m.version, m.from = Manager(c.Name), exactVersion(c.Version), `"devEngines" in package.json`
			return
		}
	}
}

func (m *manager) known(name string) bool {
	switch Manager(name) {
	case NPM, PNPM, Yarn, Bun:
		return true
	}
	return false
}

var (
	versionText = regexp.MustCompile(`^[\^~>=v\s]*(\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.-]+)?)(?:\s.*)?$`)
	yarnRelease = regexp.MustCompile(`yarn-(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+?)?)\.c?js$`)
)

// exactVersion is the version in a declaration, the least one of a range such
// as ">=9.1.0", and empty for anything else (an address, a tag).
func exactVersion(text string) string {
	if found := versionText.FindStringSubmatch(strings.TrimSpace(text)); found != nil {
		return found[1]
	}
	return ""
}

// yarnPath lets a checked-in yarn decide: yarn 1 hands over to it, whatever
// version package.json declares.
func (m *manager) yarnPath(yarnrc []byte) {
	path, file := "", ".yarnrc.yml"
	if m.yarn != nil {
		path = m.yarn.yarnPath
	}
	if path == "" {
		path, file = setting(yarnrc, "yarn-path"), ".yarnrc"
	}
	if path == "" {
		return
	}
	version := ""
	if found := yarnRelease.FindStringSubmatch(path); found != nil {
		version = found[1]
	}
	switch {
	case m.name == "":
		m.name, m.version, m.from = Yarn, version, "yarnPath in "+file
	case m.name != Yarn:
		m.warnings = append(m.warnings, fmt.Sprintf("%s has a yarnPath, but %s says %s: %s is used", file, m.from, m.name, m.name))
	case version != "" && m.version != "" && version != m.version:
		m.warnings = append(m.warnings, fmt.Sprintf("%s says yarn %s, but yarnPath in %s is yarn %s: %s is used", m.from, m.version, file, version, version))
		m.version, m.from = version, "yarnPath in "+file
	case m.version == "":
		m.version = version
	}
}

var (
	berryLock = regexp.MustCompile(`(?m)^__metadata:\s*\n\s+version: "?(\d+)`)
	pnpmLock  = regexp.MustCompile(`(?m)^lockfileVersion: ['"]?(\d+)`)
)

// impliedVersion is the major version that a lock file was written by, as far
// as its format tells; empty where it does not.
func impliedVersion(root string, m manager) string {
	switch m.name {
	case Yarn:
		head := head(root, "yarn.lock")
		if found := berryLock.FindSubmatch(head); found != nil {
			switch format, _ := strconv.Atoi(string(found[1])); {
			case format >= 8:
				return "4"
			case format >= 5:
				return "3"
			}
			return "2"
		}
		if bytes.Contains(head, []byte("# yarn lockfile v1")) || m.yarn == nil {
			return "1"
		}
		return "4"
	case PNPM:
		if found := pnpmLock.FindSubmatch(head(root, "pnpm-lock.yaml")); found != nil {
			switch string(found[1]) {
			case "5":
				return "7"
			case "6":
				return "8"
			case "9":
				return "9"
			}
		}
	}
	return ""
}

// major is the first number of a version, 0 where there is none.
func major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(first)
	return n
}

// Major returns the first number of ManagerVersion, 0 where it is not known.
func (w *Workspace) Major() int { return major(w.ManagerVersion) }

// Berry tells whether the manager is yarn 2 or newer.
func (w *Workspace) Berry() bool { return w.Manager == Yarn && w.Major() >= 2 }

func readSettings(root, file string) (*settings, error) {
	text := optional(root, file)
	if text == nil {
		return nil, nil
	}
	s, mistake := parseSettings(text)
	if mistake != nil {
		return nil, &problem.Error{Where: mistake.at(file), What: mistake.what, Hint: "mend " + file}
	}
	return s, nil
}

// optional returns the text of a file, nil where it cannot be read.
func optional(root, file string) []byte {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return nil
	}
	if text == nil {
		text = []byte{}
	}
	return text
}

// head returns the first 64 KiB of a file: lock files grow to many MB, and
// their format stands at the top (pnpm 11 puts a small document before it).
func head(root, file string) []byte {
	f, err := os.Open(filepath.Join(root, file))
	if err != nil {
		return nil
	}
	defer f.Close()
	buffer := make([]byte, 64<<10)
	n := 0
	for n < len(buffer) {
		k, err := f.Read(buffer[n:])
		n += k
		if err != nil {
			break
		}
	}
	return buffer[:n]
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
