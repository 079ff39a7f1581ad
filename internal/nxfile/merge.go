package nxfile

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/nxcommand"
)

// Merged is a target as all files together have it.
type Merged struct {
	// Executor runs it; empty for one that only stands for others.
	Executor string
	// Options are those of the default configuration too.
	Options    nxcommand.Options
	Continuous bool
	// Layers are what the files say that still counts, each over the one before.
	Layers []Target
}

// Merge joins what holds for the targets of a project, by name, as Nx does: targetDefaults, then
// the script of package.json, then what package.json and project.json say. A target that neither
// runs anything nor stands for others is left out.
func (r *Root) Merge(p *Project, scripts map[string]string) map[string]Merged {
	all := map[string]Merged{}
	for _, names := range [][]string{slices.Collect(maps.Keys(scripts)), slices.Collect(maps.Keys(p.Targets)), p.Included} {
		for _, name := range names {
			_, script := scripts[name]
			if m, ok := r.MergeOne(p, name, script); ok {
				all[name] = m
			}
		}
	}
	return all
}

// MergeOne does so for one target. script says whether the package has a script of that
// name. It reports false for a target that is left out.
func (r *Root) MergeOne(p *Project, name string, script bool) (Merged, bool) {
	m := r.merge(p.layers(name, script), name)
	return m, m.Executor != "" || m.stands()
}

func (r *Root) merge(layers []Target, name string) Merged {
	if len(layers) == 0 {
		return Merged{}
	}
	own := lay(layers)
	usual, ok := r.usual(name, own.Executor)
	if !ok || usual.Executor != "" && own.Executor != "" && usual.Executor != own.Executor {
		return own
	}
	// What targetDefaults would run gives way to what the package's own files run, unless it
	// names the executor beside another command.
	rivals := own.Executor == RunCommands && identity(own.Executor, own.Options) != "" && identity(own.Executor, usual.Options) != ""
	switch {
	case !rivals && own.Executor != "":
		usual.Executor = own.Executor
	case rivals && usual.sugar:
		usual.Executor = ""
	}
	return lay(append([]Target{usual}, layers...))
}

// layers are what the package's own files say of a target. Its script is one, unless a file
// says what to run in its place.
func (p *Project) layers(name string, script bool) (layers []Target) {
	script = script && p.Included == nil || slices.Contains(p.Included, name)
	for _, t := range p.Targets[name] {
		same := t.Executor == RunScript && string(t.Options["script"]) == strconv.Quote(name)
		if t.Executor != "" && (!t.inProject || p.Included == nil && !same) {
			script = false
		}
	}
	if script {
		text, _ := json.Marshal(name) // a text always has a JSON form
		layers = append(layers, Target{Executor: RunScript, Options: nxcommand.Options{"script": text}})
	}
	return append(layers, p.Targets[name]...)
}

// lay puts layers over each other. If one runs something else than those before it, what they
// say is no longer true.
func lay(layers []Target) (m Merged) {
	var all Target // its configurations
	for _, t := range layers {
		if m.Executor != "" && t.Executor != "" {
			a, b := identity(t.Executor, m.Options), identity(t.Executor, t.Options)
			if m.Executor != t.Executor || a != "" && b != "" && a != b {
				m, all = Merged{}, Target{}
			}
		}
		m.Layers = append(m.Layers, t)
		if t.Executor != "" {
			m.Executor = t.Executor
		}
		m.Options = over(m.Options, t.Options)
		if t.Continuous != nil {
			m.Continuous = *t.Continuous
		}
		if t.configuration != "" {
			all.configuration = t.configuration
		}
		for name, options := range t.configurations {
			if all.configurations == nil {
				all.configurations = map[string]nxcommand.Options{}
			}
			all.configurations[name] = over(all.configurations[name], options)
		}
	}
	m.Options = over(m.Options, all.configurations[all.configuration])
	return m
}

// stands reports whether the target comes after others.
func (m Merged) stands() bool {
	n := 0
	for _, t := range m.Layers {
		switch spread := slices.Contains(t.DependsOn, Spread); {
		case spread:
			n += len(t.DependsOn) - 1
		case t.DependsOn != nil:
			n = len(t.DependsOn)
		}
	}
	return n > 0
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
	case RunCommands:
		names = []string{"command", "commands"}
	case RunScript:
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

// Knows reports whether targetDefaults say anything of a target.
func (r *Root) Knows(name, executor string) bool {
	_, ok := r.usual(name, executor)
	return ok
}

// usual is what targetDefaults say of a target: by its executor, by its name, or by the
// longest pattern that its name fits.
func (r *Root) usual(name, executor string) (t Target, ok bool) {
	for _, key := range []string{executor, name} {
		if t, ok := r.Defaults[key]; ok && key != "" {
			return t, true
		}
	}
	longest := ""
	for _, key := range slices.Sorted(maps.Keys(r.Defaults)) {
		if fits, _ := path.Match(key, name); fits && strings.ContainsAny(key, "*?[") && len(key) > len(longest) {
			longest = key
		}
	}
	t, ok = r.Defaults[longest]
	return t, ok
}
