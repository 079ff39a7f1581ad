package setup

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/version"
)

const module = "github.com/heapmage/heapmage"

// release is the version of this program as npm has it, empty if it is no release, and whether it
// comes from npm, for people without Go.
func release() (number string, fromNPM bool) {
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err == nil {
		if number = packageVersion(filepath.Dir(exe)); number != "" {
			return number, true
		}
	}
	return released("v" + version.Number()), false
}

// packageVersion is the version of the npm package that has this program in it or in its folder
// bin. Each package with a program for one system is called @heapmage/<os>-<arch>.
func packageVersion(dir string) string {
	for range 2 {
		if m, _ := packagejson.Parse(folder.Read(dir, "package.json")); m != nil && strings.HasPrefix(m.Name, "@heapmage/") {
			return released("v" + m.Version)
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

var (
	tag    = regexp.MustCompile(`^v(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$`)
	pseudo = regexp.MustCompile(`\d{14}-[0-9a-f]{12}$`) // of a commit without a tag
)

// released is a version of Go as npm writes it, empty if it is not that of a release.
func released(version string) string {
	if found := tag.FindStringSubmatch(version); found != nil && !pseudo.MatchString(version) {
		return found[1]
	}
	return ""
}

// scripts are those that the root gets.
var scripts = []entry{
	{field: "scripts", name: "build:managed", value: "heapmage build:managed", after: "build"},
	{field: "scripts", name: "build:safe", value: "heapmage build:safe", after: "build:managed"},
	{field: "scripts", name: "memory:doctor", value: "heapmage memory:doctor", after: "build:safe"},
}

// addPackage adds heapmage to the root's package.json.
func (p *prepared) addPackage() error {
	f, err := open(p.ws.Root, "package.json")
	if err != nil {
		return err
	}
	own, mistake := packagejson.ParseLoose(f.before)
	if mistake != nil { // the workspace was just read
		return f.wrong(mistake)
	}
	text, left := f.before, false
	put := func(e entry) error {
		after, other, err := insert(text, e)
		if text = after; other {
			p.stays(fmt.Sprintf("package.json: %s in %q", e.name, e.field), "")
		}
		return err
	}
	for _, e := range scripts {
		if by := calledBy(own.Scripts, e.name); by != "" {
			p.notes = append(p.notes, note{What: fmt.Sprintf("package.json: the script %s is left out, because %s would run it, too", e.name, by)})
			left = left || e.name == scripts[0].name
			continue
		}
		if err := put(e); err != nil {
			return err
		}
	}
	e := entry{field: "devDependencies", name: "heapmage", value: p.version}
	for i, all := range own.Dependencies {
		if all["heapmage"] != "" {
			e.field = packagejson.DependencyFields[i]
		}
	}
	if err := put(e); err != nil {
		return err
	}
	p.add(f, text)
	command := managers[p.ws.Manager].script + " build:managed"
	if left {
		command = managers[p.ws.Manager].exec + " heapmage build:managed"
	}
	p.next = []string{string(p.ws.Manager) + " install", command}
	return nil
}

// calledBy is the script that runs all scripts with the beginning of a name, such as `run-p build:*`
// or `nx run-many -t build*`: it would run a new one as well. It is empty if none does.
func calledBy(scripts map[string]string, name string) string {
	first, _, _ := strings.Cut(name, ":")
	pattern := regexp.MustCompile(`(?:^|[\s"'/^:=,])` + first + `(?::[^\s"']*)?\*`)
	for _, by := range slices.Sorted(maps.Keys(scripts)) {
		if pattern.MatchString(scripts[by]) {
			return by
		}
	}
	return ""
}
