package script

import (
	"cmp"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// maxProgram is how much of a file that a script names is searched, in bytes. Programs
// that people write are shorter.
const maxProgram = 256 << 10

// part is a text that a script runs: of a script, or the beginning of a program.
type part struct {
	text    string
	program bool
}

// named is a script.
type named struct {
	pkg  *workspace.Package
	name string
}

// parts yields what a package's script seems to run: its text with its hooks, and scripts
// of the package, of the root and of packages, and files of the package, that those texts name.
func (s *Settings) parts(pkg *workspace.Package, name string) iter.Seq[part] {
	return func(yield func(part) bool) {
		r := reach{s, map[named]bool{}, yield}
		r.script(pkg, name)
	}
}

// reach is one walk. Its methods return false once it is to end.
type reach struct {
	*Settings
	seen  map[named]bool
	yield func(part) bool
}

func (r reach) script(pkg *workspace.Package, name string) bool {
	for _, event := range r.events(pkg, name) {
		text, ok := pkg.Scripts[event]
		if n := (named{pkg, event}); !ok || r.seen[n] {
			continue
		} else if r.seen[n] = true; !r.yield(part{text: text}) {
			return false
		}
		for c := range scripttext.CommandsWithin(text) {
			if !r.command(pkg, c) {
				return false
			}
		}
	}
	return true
}

func (r reach) command(pkg *workspace.Package, c scripttext.Command) bool {
	packages := []*workspace.Package{pkg}
	if root := r.ws.RootPackage; root != nil {
		packages = append(packages, root)
	}
	for _, w := range c.Words {
		word := packageWord(w.Text)
		if p := cmp.Or(r.ws.Named(word), r.ws.At(word)); p != nil {
			packages = append(packages, p)
		}
	}
	for _, w := range c.Words {
		word := strings.TrimPrefix(w.Text, "npm:") // as concurrently and npm-run-all write it
		for _, p := range packages {
			for _, name := range scriptsBy(word, p) {
				if !r.script(p, name) {
					return false
				}
			}
		}
		if strings.ContainsAny(word, "./") && scripttext.PlainPath(word) {
			if head := folder.Head(pkg.Path, word, maxProgram); head != nil && !r.yield(part{string(head), true}) {
				return false
			}
		}
	}
	return true
}

// scriptsBy are the scripts of a package that a word names, as "gen" or as "gen:*".
func scriptsBy(word string, p *workspace.Package) (names []string) {
	if _, ok := p.Scripts[word]; ok {
		return []string{word}
	}
	if strings.Index(word, "*") < 1 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.Scripts)) {
		if fits, _ := path.Match(word, name); fits {
			names = append(names, name)
		}
	}
	return names
}

// packageWord is the name or the folder of a package in a word such as --filter=./core...
func packageWord(word string) string {
	if _, value, ok := strings.Cut(word, "="); ok {
		word = value
	}
	return strings.Trim(word, "./^{}")
}

// Restricted reports whether a package's script seems to start Node under its permission
// model. Such a process reads only what it is allowed to, and ends at once if it is to
// preload another file. The model is found in the node options of the user, and in what
// the script seems to run.
func (s *Settings) Restricted(pkg *workspace.Package, name string) bool {
	if slices.ContainsFunc(s.of(pkg).options.Words, nodeoptions.Restricts) {
		return true
	}
	for p := range s.parts(pkg, name) {
		if nodeoptions.Restricts(p.text) {
			return true
		}
	}
	return false
}

// Override finds what a package's script does itself about Node's options, in all that it
// seems to run. total is the memory that a percentage is of.
func (s *Settings) Override(pkg *workspace.Package, name string, total memtools.Bytes) (found nodeoptions.Override) {
	for p := range s.parts(pkg, name) {
		if p.program {
			found.Add(nodeoptions.OverrideInProgram(p.text))
		} else {
			found.Add(nodeoptions.OverrideIn(p.text, total))
		}
	}
	return found
}
