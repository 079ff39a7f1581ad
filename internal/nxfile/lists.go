package nxfile

import (
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
)

// readOrder reads dependsOn: names, or objects that say the same in more words.
func readOrder(d *jsonc.Document, v hujson.Value, where string) ([]string, error) {
	list, ok := v.Value.(*hujson.Array)
	if !ok {
		return nil, d.Wrong(v, where+" is not a list", `write it as ["^build"]`)
	}
	order := []string{}
	for _, e := range list.Elements {
		if name, ok := jsonc.Text(e); ok {
			if name == "..." {
				name = Spread
			}
			order = append(order, name)
			continue
		}
		if !jsonc.IsObject(e) {
			return nil, d.Wrong(e, where+" holds something that is neither a string nor an object", `write it as ["^build"]`)
		}
		order = append(order, entriesOf(e)...)
	}
	return order, nil
}

// entriesOf are what {"target": "build", "dependencies": true} or
// {"target": "build", "projects": ["lib"]} mean.
func entriesOf(v hujson.Value) (entries []string) {
	target := ""
	if t, ok := jsonc.Member(v, "target"); ok {
		target, _ = jsonc.Text(t)
	}
	if dependencies, ok := jsonc.Member(v, "dependencies"); ok {
		if l, ok := dependencies.Value.(hujson.Literal); ok && l.Kind() == 't' {
			return []string{"^" + target}
		}
	}
	projects, ok := jsonc.Member(v, "projects")
	if !ok {
		return []string{target}
	}
	names := []string{}
	if name, ok := jsonc.Text(projects); ok {
		names = append(names, name)
	} else if list, ok := projects.Value.(*hujson.Array); ok {
		for _, e := range list.Elements {
			name, _ := jsonc.Text(e)
			names = append(names, name)
		}
	}
	for _, name := range names {
		switch name {
		case "self":
			entries = append(entries, target)
		case "dependencies":
			entries = append(entries, "^"+target)
		default:
			entries = append(entries, name+":"+target)
		}
	}
	return entries
}

// readOutputs reads outputs. One below {projectRoot} is made relative to it, and a folder
// means all in it; others stay as they are, and match no file of the package.
func readOutputs(d *jsonc.Document, v hujson.Value, where string) (all []string, err error) {
	outputs, err := d.Texts(v, where)
	all = []string{}
	for _, o := range outputs {
		inside, ok := strings.CutPrefix(o, "{projectRoot}/")
		all = append(all, inside)
		if ok && !strings.ContainsAny(inside, "*?[{") {
			all = append(all, inside+"/**")
		}
	}
	return all, err
}

// readInputs reads inputs as they are.
func readInputs(v hujson.Value) []string {
	list, _ := v.Value.(*hujson.Array)
	inputs := []string{}
	for i := 0; list != nil && i < len(list.Elements); i++ {
		e := list.Elements[i]
		text, ok := jsonc.Text(e)
		if !ok {
			text = strings.TrimSpace(string(e.Pack()))
		}
		inputs = append(inputs, text)
	}
	return inputs
}
