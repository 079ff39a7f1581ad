// Package packagejson reads a package.json as the package managers do: a field
// of the wrong type counts as missing, and only text that is no JSON object is a
// mistake.
package packagejson

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/problem"
)

// DependencyFields are the fields that list other packages, from the one that
// binds most to the one that binds least.
var DependencyFields = [4]string{"dependencies", "optionalDependencies", "peerDependencies", "devDependencies"}

// Manifest is what is read of a package.json. The zero value is that of a file
// without fields.
type Manifest struct {
	// Text is the file without its byte order mark.
	Text    []byte
	Name    string
	Version string
	// Private is true for true and for "true".
	Private bool
	// Scripts are the scripts' texts by name; nil if there are none.
	Scripts map[string]string
	// Dependencies are the entries of each of DependencyFields, by package.
	Dependencies [len(DependencyFields)]map[string]string

	fields map[string]json.RawMessage
}

// ParseLoose reads the text of a package.json as bun does: with comments and trailing
// commas. In Text spaces stand for them.
func ParseLoose(text []byte) (*Manifest, *problem.Mistake) {
	m, mistake := Parse(text)
	if mistake == nil || TooDeep(text) {
		return m, mistake
	}
	plain, err := hujson.Standardize(bytes.TrimPrefix(bytes.Clone(text), byteOrderMark))
	if err != nil {
		return nil, mistake // it has a better place than hujson's
	}
	return Parse(plain)
}

// TooDeep reports whether a text may be nested so deeply that a parser which calls itself
// needs too much memory.
func TooDeep(text []byte) bool {
	const most = 100_000
	return bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > most
}

// IsUTF16 reports whether a text begins with a byte order mark of UTF-16.
func IsUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff})
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// Parse reads the text of a package.json.
func Parse(text []byte) (*Manifest, *problem.Mistake) {
	body := bytes.TrimPrefix(text, byteOrderMark)
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 {
		return nil, &problem.Mistake{What: "the file is empty"}
	}
	if IsUTF16(trimmed) {
		return nil, &problem.Mistake{What: "the file is in UTF-16, which no package manager reads: save it as UTF-8"}
	}
	m := &Manifest{Text: body}
	if err := json.Unmarshal(body, &m.fields); err != nil {
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			return nil, problem.MistakeAt(body, int(syntax.Offset)-1, "invalid JSON: "+syntax.Error())
		}
		return nil, noObject(kindOf(trimmed[0]))
	}
	if m.fields == nil {
		return nil, noObject("null")
	}
	m.Decode("name", &m.Name)
	m.Decode("version", &m.Version)
	private := string(m.fields["private"])
	m.Private = private == "true" || private == `"true"`
	m.Scripts = m.Texts("scripts")
	for i, field := range DependencyFields {
		m.Dependencies[i] = m.Texts(field)
	}
	return m, nil
}

func noObject(kind string) *problem.Mistake {
	return &problem.Mistake{Line: 1, Column: 1, What: "holds " + kind + " where an object is expected"}
}

// Decode fills into from a field and reports whether it could. It leaves into as
// it is if the field is missing or of another type.
func (m *Manifest) Decode(field string, into any) bool {
	raw, ok := m.fields[field]
	return ok && json.Unmarshal(raw, into) == nil
}

// Texts reads a field that maps names to texts. Values that are no texts are
// left out; a field that is no object is nil.
func (m *Manifest) Texts(field string) map[string]string {
	var direct map[string]string
	if m.Decode(field, &direct) {
		return direct
	}
	var mixed map[string]any
	if !m.Decode(field, &mixed) {
		return nil
	}
	kept := map[string]string{}
	for k, v := range mixed {
		if s, ok := v.(string); ok {
			kept[k] = s
		}
	}
	return kept
}

// Workspaces returns the patterns of "workspaces", which is a list or an object
// with "packages". declared is false if the field is missing or null.
func (m *Manifest) Workspaces() (patterns []string, declared bool, err *problem.Mistake) {
	raw, ok := m.fields["workspaces"]
	if !ok || string(raw) == "null" {
		return nil, false, nil
	}
	if json.Unmarshal(raw, &patterns) == nil {
		return patterns, true, nil
	}
	var object struct {
		Packages json.RawMessage `json:"packages"`
	}
	if json.Unmarshal(raw, &object) == nil {
		if object.Packages == nil || json.Unmarshal(object.Packages, &patterns) == nil {
			return patterns, true, nil
		}
	}
	return nil, true, problem.MistakeAt(m.Text, bytes.Index(m.Text, []byte(`"workspaces"`)),
		`"workspaces" is neither a list of patterns nor an object with "packages"`)
}

// kindOf names the kind of a JSON value by its first byte.
func kindOf(first byte) string {
	switch first {
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	}
	return "a number"
}
