package pkgmanager

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/problem"
)

// PNPMFile is the file of pnpm's settings of a workspace.
const PNPMFile = "pnpm-workspace.yaml"

// BerryFile is that of yarn 2 and newer.
const BerryFile = ".yarnrc.yml"

// Settings are what a manager's own YAML file (pnpm-workspace.yaml, .yarnrc.yml)
// says about packages and the edges between them. Decode reads what else it says.
type Settings struct {
	// Packages are the patterns of members. HasPackages is true if there is such
	// a list, even an empty one.
	Packages    []string
	HasPackages bool
	// Catalogs are versions by catalog and package; "default" is the unnamed one.
	Catalogs map[string]map[string]string
	// Overrides replace a dependency's version everywhere.
	Overrides map[string]string
	// YarnPath is the file of a checked-in yarn, relative to the root.
	YarnPath string

	link        *bool // linkWorkspacePackages, nil if not set
	transparent *bool // enableTransparentWorkspaces, nil if not set
	nodeLinker  string

	file string
	root *yaml.Node // nil if the file is empty
}

// Decode reads keys of the file into a struct; a nil s is a file without any. The error, about
// a value of another type than the struct's, is a *problem.Error without a hint.
func (s *Settings) Decode(into any) error {
	if s == nil || s.root == nil {
		return nil
	}
	err := s.root.Decode(into)
	if err == nil {
		return nil
	}
	at := problem.Mistake{What: "a value is of the wrong type"}
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		_, _ = fmt.Sscanf(wrong.Errors[0], "line %d:", &at.Line) // without it the message names the file alone
	}
	return &problem.Error{Where: at.In(s.file), What: at.What}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// parseSettings reads the first document of a manager's YAML file. Keys that it
// does not know, and values of an unexpected type, are ignored; only text that
// is no YAML mapping, or a "packages" that is no list, is a mistake.
func parseSettings(text []byte) (*Settings, *problem.Mistake) {
	s := &Settings{Catalogs: map[string]map[string]string{}}
	var document yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, byteOrderMark))).Decode(&document)
	if errors.Is(err, io.EOF) {
		return s, nil
	}
	if err != nil {
		line, what := problem.YAML(text, err)
		return nil, &problem.Mistake{Line: line, What: "invalid YAML: " + what}
	}
	if len(document.Content) == 0 {
		return s, nil
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return s, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, &problem.Mistake{Line: root.Line, Column: root.Column, What: "the file is not a mapping of settings"}
	}
	s.root = root
	for i := 0; i+1 < len(root.Content); i += 2 {
		if mistake := s.set(root.Content[i].Value, resolveAlias(root.Content[i+1])); mistake != nil {
			return nil, mistake
		}
	}
	return s, nil
}

// set reads one key.
func (s *Settings) set(key string, value *yaml.Node) *problem.Mistake {
	switch key {
	case "packages":
		return s.setPackages(value)
	case "catalog":
		s.Catalogs["default"] = texts(value)
	case "catalogs":
		for j := 0; j+1 < len(value.Content) && value.Kind == yaml.MappingNode; j += 2 {
			s.Catalogs[value.Content[j].Value] = texts(resolveAlias(value.Content[j+1]))
		}
	case "overrides":
		s.Overrides = texts(value)
	case "linkWorkspacePackages":
		s.link = truth(value.Value)
	case "enableTransparentWorkspaces":
		s.transparent = truth(value.Value)
	case "yarnPath":
		s.YarnPath = value.Value
	case "nodeLinker":
		s.nodeLinker = value.Value
	}
	return nil
}

func (s *Settings) setPackages(value *yaml.Node) *problem.Mistake {
	if value.Tag == "!!null" {
		return nil
	}
	if value.Kind != yaml.SequenceNode {
		return &problem.Mistake{Line: value.Line, Column: value.Column, What: `"packages" is not a list of patterns`}
	}
	s.HasPackages = true
	for _, item := range value.Content {
		if item = resolveAlias(item); item.Kind == yaml.ScalarNode && item.Value != "" {
			s.Packages = append(s.Packages, item.Value)
		}
	}
	return nil
}

// resolveAlias follows one YAML alias. Aliases of aliases do not exist, and
// nothing here descends further, so a file of aliases cannot grow without bound.
func resolveAlias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func texts(n *yaml.Node) map[string]string {
	all := map[string]string{}
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if v := resolveAlias(n.Content[i+1]); v.Kind == yaml.ScalarNode {
			all[n.Content[i].Value] = v.Value
		}
	}
	return all
}

// truth reads a switch of a manager, nil if it is none; "deep" is pnpm's stronger
// form of true.
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

// setting returns the value of a key in a .yarnrc ("key value"), empty if it is not there.
func setting(text []byte, key string) string {
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, byteOrderMark)))
	value := ""
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		rest, ok := strings.CutPrefix(line, key)
		if !ok || rest == "" || !strings.ContainsRune(" \t", rune(rest[0])) {
			continue
		}
		value = strings.Trim(strings.TrimLeft(rest, " \t"), `"' `)
	}
	return value
}
