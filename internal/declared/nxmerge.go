package declared

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/nxcommand"
	"github.com/heapmage/heapmage/internal/workspace"
)

// nxMerged is a target as all files together have it.
type nxMerged struct {
	Task
	executor       string // empty for one that only stands for others
	options        nxcommand.Options
	configurations map[string]nxcommand.Options
	configuration  string // the one that holds
	continuous     bool
}

// merge joins what holds for a package's target, as Nx does: targetDefaults, then the script
// of package.json, then what package.json and project.json say. exists is false if there is
// no such target.
func (n *nx) merge(pkg *workspace.Package, name string) (m nxMerged, exists bool) {
	layers := n.layers(pkg, name)
	if len(layers) == 0 {
		return m, false
	}
	var own nxMerged
	for _, t := range layers {
		own.lay(t)
	}
	if usual, ok := n.usual(name, own.executor); ok && (usual.executor == "" || own.executor == "" || usual.executor == own.executor) {
		// What targetDefaults would run gives way to what the package's own files run,
		// unless it names the executor beside another command.
		rivals := identity(own.executor, own.options) != "" && identity(own.executor, usual.options) != "" && own.executor == runCommands
		switch {
		case !rivals && own.executor != "":
			usual.executor = own.executor
		case rivals && usual.sugar:
			usual.executor = ""
		}
		m.lay(usual)
	}
	for _, t := range layers {
		m.lay(t)
	}
	return m, m.executor != "" || len(m.DependsOn.Value) > 0
}

// layers are what the package's own files say of a target. Its script is one, unless a file
// says what to run in its place.
func (n *nx) layers(pkg *workspace.Package, name string) (layers []nxTarget) {
	p := n.project(pkg)
	_, script := pkg.Scripts[name]
	script = script && p.included == nil || slices.Contains(p.included, name)
	for _, t := range p.targets[name] {
		same := t.executor == runScript && string(t.options["script"]) == strconv.Quote(name)
		if t.executor != "" && (!t.inProject || p.included == nil && !same) {
			script = false
		}
	}
	if script {
		text, _ := json.Marshal(name) // a text always has a JSON form
		layers = append(layers, nxTarget{executor: runScript, options: nxcommand.Options{"script": text}})
	}
	return append(layers, p.targets[name]...)
}

// lay puts what one more file says over the target. If that runs something else, what was
// said before is no longer true.
func (m *nxMerged) lay(t nxTarget) {
	if m.executor != "" && t.executor != "" {
		a, b := identity(t.executor, m.options), identity(t.executor, t.options)
		if m.executor != t.executor || a != "" && b != "" && a != b {
			*m = nxMerged{}
		}
	}
	m.take(t.entry, t.from)
	if t.executor != "" {
		m.executor = t.executor
	}
	m.options = over(m.options, t.options)
	for name, options := range t.configurations {
		if m.configurations == nil {
			m.configurations = map[string]nxcommand.Options{}
		}
		m.configurations[name] = over(m.configurations[name], options)
	}
	if t.configuration != "" {
		m.configuration = t.configuration
	}
	if t.continuous != nil {
		m.continuous = *t.continuous
	}
}

// over returns options with others in their place.
func over(options, others nxcommand.Options) nxcommand.Options {
	all := nxcommand.Options{}
	maps.Copy(all, options)
	maps.Copy(all, others)
	return all
}

// identity is what the options of an executor say to run; empty if nothing.
func identity(executor string, options nxcommand.Options) string {
	var names []string
	switch executor {
	case runCommands:
		names = []string{"command", "commands"}
	case runScript:
		names = []string{"script"}
	}
	for _, name := range names {
		if raw, ok := options[name]; ok {
			var text bytes.Buffer
			_ = json.Compact(&text, raw) // it was read as JSON
			return text.String()
		}
	}
	return ""
}

// usual is what targetDefaults say of a target: by its executor, by its name, or by the
// longest pattern that its name fits.
func (n *nx) usual(name, executor string) (t nxTarget, ok bool) {
	for _, key := range []string{executor, name} {
		if t, ok := n.defaults[key]; ok && key != "" {
			return t, true
		}
	}
	longest := ""
	for _, key := range slices.Sorted(maps.Keys(n.defaults)) {
		if fits, _ := path.Match(key, name); fits && strings.ContainsAny(key, "*?[") && len(key) > len(longest) {
			longest = key
		}
	}
	t, ok = n.defaults[longest]
	return t, ok
}

// mergeAll keeps the targets of a package, before any of them is given a script.
func (n *nx) mergeAll(pkg *workspace.Package, p *nxProject) {
	p.merged = map[string]nxMerged{}
	for _, names := range [][]string{slices.Collect(maps.Keys(pkg.Scripts)), slices.Collect(maps.Keys(p.targets))} {
		for _, name := range names {
			if m, exists := n.merge(pkg, name); exists {
				p.merged[name] = m
			}
		}
	}
}
