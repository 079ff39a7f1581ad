package problem

import (
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestYAMLNamesTheLineFromOne(t *testing.T) {
	for text, want := range map[string]int{
		"a: b: c\n":              1,
		"\tx: 1\n":               1,
		"x: 1\na: b: c\n":        2,
		"x: 1\n\ty: 2\n":         2,
		"x: 1\n- a\n":            2,
		"x: [1":                  1, // the library names the next line
		"x:\n  - a\n b: c\n":     3,
		"x: 1\na: {b: 1\nc: d\n": 2, // the line of the opening brace
		"x: \x01\n":              0, // the library names none
	} {
		err := yaml.Unmarshal([]byte(text), new(yaml.Node))
		if err == nil {
			t.Fatalf("%q is valid", text)
		}
		if line, what := YAML([]byte(text), err); line != want || what == "" {
			t.Errorf("%q: line %d, want %d: %q", text, line, want, what)
		}
	}
}
