package setup

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/gomod"
	"github.com/heapmage/heapmage/internal/workspace"
)

const (
	magefile = `//go:build mage

package main

import (
	//mage:import
	_ "github.com/heapmage/heapmage/mage"
	//mage:import build
	_ "github.com/heapmage/heapmage/mage/build"
)
`
	newModule = "module example.com/build\n\ngo 1.26\n"
	mageTool  = "github.com/magefile/mage"
)

// addMagefile adds heapmage's targets, and Mage as a tool. What go.mod has to require is left to
// `go mod tidy`, which takes the newest versions.
func (p *prepared) addMagefile() error {
	there := magefiles(p.ws.Root)
	if len(there) == 0 {
		f, err := open(p.ws.Root, "magefile.go")
		if err != nil {
			return err
		}
		p.add(f, []byte(magefile))
	} else if !slices.ContainsFunc(there, func(file string) bool {
		return strings.Contains(string(folder.Read(p.ws.Root, file)), module+"/mage")
	}) {
		p.stays(there[0], `add to its imports _ "`+module+`/mage", behind a line //mage:import`)
	}
	if err := p.addTool(); err != nil {
		return err
	}
	p.next = append(p.next, "go mod tidy", "go tool mage build:managed")
	return nil
}

// addTool makes or completes go.mod.
func (p *prepared) addTool() error {
	f, err := open(p.ws.Root, "go.mod")
	if err != nil {
		return err
	}
	text := string(f.before)
	mod, mistake := gomod.Parse(f.before)
	if mistake != nil {
		return f.wrong(mistake)
	}
	if f.before == nil {
		text = newModule
		if folder.Has(p.ws.Root, "go.work") {
			p.next = append(p.next, "go work use .")
		}
	}
	lineEnd := lineEndOf(text)
	line := func(verb, what string) {
		if !strings.HasSuffix(text, "\n") {
			text += lineEnd
		}
		text += lineEnd + verb + " " + what + lineEnd
	}
	if !slices.Contains(mod.Tools, mageTool) {
		line("tool", mageTool)
	}
	if p.ws.Manager != workspace.Go && !slices.ContainsFunc(mod.Ignores, func(dir string) bool { return strings.TrimPrefix(dir, "./") == "node_modules" }) {
		line("ignore", "node_modules")
	}
	p.add(f, []byte(text))
	return nil
}

// magefiles are the files of a folder that Mage reads: those of a folder magefiles go before all others.
func magefiles(root string) (names []string) {
	for _, dir := range []string{"magefiles", "."} {
		entries, _ := os.ReadDir(filepath.Join(root, dir)) // none: it is not there
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			if path.Ext(name) == ".go" && (dir != "." || name == "magefile.go" || buildTag.Match(folder.Head(root, name, 4<<10))) {
				names = append(names, name)
			}
		}
	}
	return names
}

var buildTag = regexp.MustCompile(`(?m)^//(?:go:build| \+build) .*\bmage\b`)
