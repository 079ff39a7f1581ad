// Package jsonc reads JSON files that people write for programs: with comments, trailing
// commas and a byte order mark. It also reads JavaScript files that only export an object.
// Every error is a *problem.Error that names the file and, if it is known, the line.
package jsonc

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/problem"
)

// Document is the content of a file.
type Document struct {
	// Path is that of the file, relative to the root, with slashes.
	Path string
	Top  hujson.Value

	text []byte
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// Read reads a file below the root. It returns nil if there is none.
func Read(root, path string) (*Document, error) {
	text, err := readText(root, path)
	if text == nil || err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// readText reads a file below the root. It returns nil if there is none.
func readText(root, path string) ([]byte, error) {
	text, err := folder.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, &problem.Error{Where: path, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	}
	return text, nil
}

// Parse reads the text of a file. Its path is for messages.
func Parse(path string, text []byte) (d *Document, err error) {
	d = &Document{Path: path, text: bytes.TrimPrefix(text, byteOrderMark)}
	switch {
	case packagejson.IsUTF16(text):
		return nil, &problem.Error{Where: path, What: "is in UTF-16", Hint: "save it as UTF-8"}
	case packagejson.TooDeep(text):
		return nil, &problem.Error{Where: path, What: "is nested too deeply", Hint: "is it the right file?"}
	}
	if d.Top, err = hujson.Parse(d.text); err != nil {
		return nil, &problem.Error{Where: path, What: "invalid JSON", Cause: err,
			Hint: "fix the file, or set tasks: in heapmage.yaml and remove it"}
	}
	return d, nil
}

// Field is a member of an object.
type Field struct {
	Name  string
	Value hujson.Value
}

// Wrong is the error of a value that is not what it has to be.
func (d *Document) Wrong(v hujson.Value, what, hint string) error {
	place := problem.MistakeAt(d.text, v.StartOffset, what)
	place.Column = 0
	return &problem.Error{Where: place.In(d.Path), What: what, Hint: hint}
}

// Object returns the members of an object in their order.
func (d *Document) Object(v hujson.Value, name string) (fields []Field, err error) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		return nil, d.Wrong(v, name+" is not an object", `write it as {"name": …}`)
	}
	for _, m := range o.Members {
		name, _ := m.Name.Value.(hujson.Literal) // the parser lets nothing else pass
		fields = append(fields, Field{name.String(), m.Value})
	}
	return fields, nil
}

// Texts returns a list of texts, which is never nil.
func (d *Document) Texts(v hujson.Value, name string) ([]string, error) {
	const hint = `write it as ["a", "b"]`
	list, ok := v.Value.(*hujson.Array)
	if !ok {
		return nil, d.Wrong(v, name+" is not a list", hint)
	}
	texts := []string{}
	for _, e := range list.Elements {
		text, ok := Text(e)
		if !ok {
			return nil, d.Wrong(e, name+" holds something that is not a string", hint)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// Boolean returns true or false.
func (d *Document) Boolean(v hujson.Value, name string) (bool, error) {
	if l, ok := v.Value.(hujson.Literal); ok && (l.Kind() == 't' || l.Kind() == 'f') {
		return l.Bool(), nil
	}
	return false, d.Wrong(v, name+" is neither true nor false", "write true or false")
}

// Text returns a text, and false for any other value.
func Text(v hujson.Value) (string, bool) {
	l, ok := v.Value.(hujson.Literal)
	if !ok || l.Kind() != '"' {
		return "", false
	}
	return l.String(), true
}

// IsNull reports whether a value is null, which counts as not there.
func IsNull(v hujson.Value) bool {
	return v.Value.Kind() == 'n'
}

// IsObject reports whether a value is an object.
func IsObject(v hujson.Value) bool {
	return v.Value.Kind() == '{'
}

// Member returns a member of an object.
func Member(v hujson.Value, name string) (hujson.Value, bool) {
	if o, ok := v.Value.(*hujson.Object); ok {
		for _, m := range o.Members {
			if l, ok := m.Name.Value.(hujson.Literal); ok && l.String() == name {
				return m.Value, true
			}
		}
	}
	return hujson.Value{}, false
}
