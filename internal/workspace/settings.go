package workspace

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/problem"
)

// settings are what a manager's own YAML file (pnpm-workspace.yaml,
// .yarnrc.yml) says that matters to packages and edges.
type settings struct {
	packages    []string
	hasPackages bool
	catalogs    map[string]map[string]string // "default" is the unnamed one
	overrides   map[string]string
	link        *bool  // linkWorkspacePackages, nil where not said
	transparent *bool  // enableTransparentWorkspaces, nil where not said
	yarnPath    string // yarnPath
	nodeLinker  string // nodeLinker
}

// parseSettings reads the first document of a manager's YAML file. Keys that it
// does not know, and values of an unexpected type, are passed over; only text
// that is no YAML mapping, or a "packages" that is no list, is an error.
func parseSettings(text []byte) (*settings, *positionError) {
	s := &settings{catalogs: map[string]map[string]string{}}
	var document yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, byteOrderMark))).Decode(&document)
	if errors.Is(err, io.EOF) {
		return s, nil
	}
	if err != nil {
		return nil, yamlProblem(text, err)
	}
	if len(document.Content) == 0 {
		return s, nil
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return s, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, &positionError{root.Line, root.Column, "the file is not a mapping of settings"}
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i].Value, resolveAlias(root.Content[i+1])
		switch key {
		case "packages":
			if value.Tag == "!!null" {
				continue
			}
			if value.Kind != yaml.SequenceNode {
				return nil, &positionError{value.Line, value.Column, `"packages" is not a list of patterns`}
			}
			s.hasPackages = true
			for _, item := range value.Content {
				if item = resolveAlias(item); item.Kind == yaml.ScalarNode && item.Value != "" {
					s.packages = append(s.packages, item.Value)
				}
			}
		case "catalog":
			s.catalogs["default"] = yamlTexts(value)
		case "catalogs":
			for j := 0; j+1 < len(value.Content) && value.Kind == yaml.MappingNode; j += 2 {
				s.catalogs[value.Content[j].Value] = yamlTexts(resolveAlias(value.Content[j+1]))
			}
		case "overrides":
			s.overrides = yamlTexts(value)
		case "linkWorkspacePackages":
			s.link = truth(value.Value)
		case "enableTransparentWorkspaces":
			s.transparent = truth(value.Value)
		case "yarnPath":
			s.yarnPath = value.Value
		case "nodeLinker":
			s.nodeLinker = value.Value
		}
	}
	return s, nil
}

// resolveAlias follows one YAML alias. Aliases of aliases do not exist, and
// nothing here descends further, so a file of aliases cannot blow up.
func resolveAlias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func yamlTexts(n *yaml.Node) map[string]string {
	texts := map[string]string{}
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if v := resolveAlias(n.Content[i+1]); v.Kind == yaml.ScalarNode {
			texts[n.Content[i].Value] = v.Value
		}
	}
	return texts
}

func yamlProblem(text []byte, err error) *positionError {
	line, what := problem.YAML(text, err)
	return &positionError{line: line, what: "invalid YAML: " + what}
}

// truth reads a switch of a manager; "deep" is pnpm's stronger form of true.
func truth(value string) *bool {
	var on bool
	switch strings.ToLower(value) {
	case "true", "deep", "yes", "on":
		on = true
	case "false", "no", "off":
	default:
		return nil
	}
	return &on
}

// setting returns the value of a key in an .npmrc ("key = value") or a .yarnrc
// ("key value"), empty where it is not there.
func setting(text []byte, key string) string {
	lines := bufio.NewScanner(bytes.NewReader(text))
	value := ""
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		rest, ok := strings.CutPrefix(line, key)
		if !ok || rest == "" || !strings.ContainsRune(" \t=", rune(rest[0])) {
			continue
		}
		value = strings.Trim(strings.TrimLeft(rest, " \t="), `"' `)
	}
	return value
}
