package workspace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// manifest is what is read of a package.json. Fields of the wrong type count
// as absent, as they do for the package managers; only text that is no JSON
// object at all is an error.
type manifest struct {
	text    []byte
	fields  map[string]json.RawMessage
	name    string
	version string
	private bool
	scripts map[string]string
	deps    [4]map[string]string // by Kind
}

// positionError is a mistake at a place in a file; lines and columns count from 1.
type positionError struct {
	line, column int
	what         string
}

func (e *positionError) Error() string { return e.what }

// at is the file with the place of the mistake, as compilers write it.
func (e *positionError) at(file string) string {
	if e.line == 0 {
		return file
	}
	if e.column == 0 {
		return fmt.Sprintf("%s:%d", file, e.line)
	}
	return fmt.Sprintf("%s:%d:%d", file, e.line, e.column)
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// parseManifest reads the text of a package.json. A byte order mark is passed over.
func parseManifest(text []byte) (*manifest, *positionError) {
	body := bytes.TrimPrefix(text, byteOrderMark)
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 {
		return nil, &positionError{what: "the file is empty"}
	}
	m := &manifest{text: body}
	if err := json.Unmarshal(body, &m.fields); err != nil {
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			line, column := position(body, int(syntax.Offset)-1)
			return nil, &positionError{line, column, "invalid JSON: " + syntax.Error()}
		}
		return nil, &positionError{1, 1, "holds " + jsonKind(trimmed[0]) + " where an object is expected"}
	}
	if m.fields == nil { // the text is null
		return nil, &positionError{1, 1, "holds null where an object is expected"}
	}
	m.decode("name", &m.name)
	m.decode("version", &m.version)
	private := string(m.fields["private"])
	m.private = private == "true" || private == `"true"`
	m.scripts = m.texts("scripts")
	for kind := range m.deps {
		m.deps[kind] = m.texts(Kind(kind).String())
	}
	return m, nil
}

// decode fills into from a field; it leaves into as it is where the field is
// missing or of another type.
func (m *manifest) decode(field string, into any) bool {
	raw, ok := m.fields[field]
	return ok && json.Unmarshal(raw, into) == nil
}

// texts reads a field that maps names to texts. Values that are no text are left out.
func (m *manifest) texts(field string) map[string]string {
	var direct map[string]string
	if m.decode(field, &direct) {
		return direct
	}
	var mixed map[string]any
	if !m.decode(field, &mixed) {
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

// globs are the patterns of "workspaces", which is a list or an object with
// "packages". declared is false where the field is missing.
func (m *manifest) globs() (patterns []string, declared bool, err *positionError) {
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
	line, column := position(m.text, bytes.Index(m.text, []byte(`"workspaces"`)))
	return nil, true, &positionError{line, column, `"workspaces" is neither a list of patterns nor an object with "packages"`}
}

// position turns an offset in bytes into a line and a column in characters.
func position(text []byte, offset int) (line, column int) {
	offset = min(max(offset, 0), len(text))
	before := text[:offset]
	line = 1 + bytes.Count(before, []byte("\n"))
	column = 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return line, column
}

func jsonKind(first byte) string {
	switch first {
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "true or false"
	}
	return "a number"
}
