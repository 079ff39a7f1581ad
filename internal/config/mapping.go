package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
)

// fields maps the keys of a mapping to the readers of their values.
type fields map[string]func(value *yaml.Node) error

// mapping reads a mapping by its fields. A key that is unknown or repeated is an
// error with its line. where is the mapping's own key, empty for the whole file.
func mapping(node *yaml.Node, where string, known fields) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return nil // "tasks:" without a value
	}
	if node.Kind != yaml.MappingNode {
		return at(node, cmp.Or(where, "the file")+" is not a mapping of keys to values", "write it as key: value, one a line")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		read, ok := known[key.Value]
		if !ok {
			name := key.Value
			if where != "" {
				name = where + "." + name
			}
			return at(key, fmt.Sprintf("unknown key %q", name), nearest.Hint(key.Value, slices.Sorted(maps.Keys(known)), "known keys"))
		}
		if seen[key.Value] {
			return at(key, fmt.Sprintf("key %q is there twice", key.Value), "keep one of them")
		}
		seen[key.Value] = true
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if err := read(value); err != nil {
			return err
		}
	}
	return nil
}

// entries reads a mapping from names to structs of one kind.
func entries[T any](where string, to *map[string]T, known func(where string, t *T) fields) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		*to = map[string]T{}
		named := fields{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i].Value
			named[name] = func(value *yaml.Node) error {
				var t T
				if err := mapping(value, where+"."+name, known(where+"."+name, &t)); err != nil {
					return err
				}
				(*to)[name] = t
				return nil
			}
		}
		return mapping(node, where, named)
	}
}

// at is an error at a place in heapmage.yaml.
func at(node *yaml.Node, what, hint string) error {
	return &problem.Error{Where: fmt.Sprintf("%s:%d", FileName, node.Line), What: what, Hint: hint}
}
