package declared

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/problem"
)

// document is a JSON file that may have comments, trailing commas and a byte order
// mark.
type document struct {
	path string // relative to the root, with slashes
	text []byte
	top  hujson.Value
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readDocument reads a file below the root. It returns nil if there is none.
func readDocument(root, path string) (*document, error) {
	text, err := folder.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, &problem.Error{Where: path, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	}
	return parseDocument(path, text)
}

func parseDocument(path string, text []byte) (d *document, err error) {
	d = &document{path: path, text: bytes.TrimPrefix(text, byteOrderMark)}
	switch {
	case packagejson.IsUTF16(text):
		return nil, &problem.Error{Where: path, What: "is in UTF-16", Hint: "save it as UTF-8"}
	case packagejson.TooDeep(text):
		return nil, &problem.Error{Where: path, What: "is nested too deeply", Hint: "is it the right file?"}
	}
	if d.top, err = hujson.Parse(d.text); err != nil {
		return nil, &problem.Error{Where: path, What: "cannot be read as JSON", Cause: err,
			Hint: "fix the file, or set tasks: in heapmage.yaml and remove it"}
	}
	return d, nil
}

// field is a member of an object, with its place.
type field struct {
	name  string
	value hujson.Value
}

// wrong is the error of a value that is not what it has to be.
func (d *document) wrong(v hujson.Value, what, hint string) error {
	place := problem.MistakeAt(d.text, v.StartOffset, what)
	place.Column = 0
	return &problem.Error{Where: place.In(d.path), What: what, Hint: hint}
}

// object returns the members of an object in their order.
func (d *document) object(v hujson.Value, name string) (fields []field, err error) {
	o, ok := v.Value.(*hujson.Object)
	if !ok {
		return nil, d.wrong(v, name+" is not an object", `write it as {"name": …}`)
	}
	for _, m := range o.Members {
		name, _ := m.Name.Value.(hujson.Literal) // the parser lets nothing else pass
		fields = append(fields, field{name.String(), m.Value})
	}
	return fields, nil
}

// texts returns a list of texts, which is never nil.
func (d *document) texts(v hujson.Value, name string) ([]string, error) {
	const hint = `write it as ["a", "b"]`
	list, ok := v.Value.(*hujson.Array)
	if !ok {
		return nil, d.wrong(v, name+" is not a list", hint)
	}
	texts := []string{}
	for _, e := range list.Elements {
		text, ok := textOf(e)
		if !ok {
			return nil, d.wrong(e, name+" holds something that is not a text", hint)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func (d *document) boolean(v hujson.Value, name string) (bool, error) {
	if l, ok := v.Value.(hujson.Literal); ok && (l.Kind() == 't' || l.Kind() == 'f') {
		return l.Bool(), nil
	}
	return false, d.wrong(v, name+" is neither true nor false", "write true or false")
}

// concurrency is a number of tasks, or a share of the processors.
func (d *document) concurrency(f field) (Setting[int], error) {
	text, ok := textOf(f.value)
	if l, number := f.value.Value.(hujson.Literal); !ok && number {
		text = string(l)
	}
	share, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseFloat(share, 64)
	if err != nil || !(n > 0 && n <= 1_000_000) {
		return Setting[int]{}, d.wrong(f.value, f.name+" is neither a number of tasks nor a share of the processors", `write it as "4" or "50%"`)
	}
	if percent {
		n *= float64(runtime.NumCPU()) / 100
	}
	return Setting[int]{max(1, int(n)), d.path}, nil
}

func textOf(v hujson.Value) (string, bool) {
	l, ok := v.Value.(hujson.Literal)
	if !ok || l.Kind() != '"' {
		return "", false
	}
	return l.String(), true
}

// isNull reports whether a value is null, which counts as not there.
func isNull(v hujson.Value) bool {
	return v.Value.Kind() == 'n'
}
