package setup

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
)

// entry is one of an object of package.json: a script or a dependency.
type entry struct {
	field, name, value string
	after              string // the entry that it follows, unless the object is sorted
}

// insert adds an entry to the text of a package.json, which otherwise keeps each of its bytes.
// An entry that is there stays; other reports whether it has another value.
func insert(text []byte, e entry) (edited []byte, other bool, err error) {
	body := bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	d, err := jsonc.Parse("package.json", body)
	if err != nil {
		return nil, false, err
	}
	// The parsers of all managers have the last one of several members of the same name.
	top, ok := d.Top.Value.(*hujson.Object)
	if !ok {
		return nil, false, d.Wrong(d.Top, "it is not an object", `begin with {"name": "root", "private": true}`)
	}
	outer := styleOf(top, body)
	i := lastNamed(top, e.field)
	if i < 0 {
		inner := "{" + outer.deeper() + e.text(outer) + outer.closing() + "}"
		return splice(text, body, top, d.Top.StartOffset, len(top.Members), outer, quoted(e.field)+outer.colon+inner), false, nil
	}
	field := top.Members[i].Value
	object, ok := field.Value.(*hujson.Object)
	if !ok {
		return nil, false, d.Wrong(field, `"`+e.field+`" is not an object`, `write it as "`+e.field+`": {}`)
	}
	if i := lastNamed(object, e.name); i >= 0 {
		value, _ := jsonc.Text(object.Members[i].Value)
		return text, value != e.value, nil
	}
	style := styleOf(object, body)
	if len(object.Members) == 0 {
		style = outer
		style.before, style.close = outer.deeper(), outer.closing()
	}
	return splice(text, body, object, field.StartOffset, e.place(object), style, e.text(style)), false, nil
}

func (e entry) text(s style) string { return quoted(e.name) + s.colon + quoted(e.value) }

// place is the position of the entry among an object's members: the one that the order of names
// asks for, if they have one, or behind the entry that it follows.
func (e entry) place(o *hujson.Object) int {
	var names []string
	for _, m := range o.Members {
		names = append(names, nameOf(m))
	}
	if at := slices.Index(names, e.after); at >= 0 && !slices.IsSorted(names) {
		return at + 1
	}
	if at := slices.IndexFunc(names, func(name string) bool { return name > e.name }); at >= 0 {
		return at
	}
	return len(names)
}

// splice inserts a member at a position of an object, which starts at an offset in the body.
func splice(text, body []byte, o *hujson.Object, start, position int, s style, member string) []byte {
	at := start + 1
	switch n := len(o.Members); {
	case n == 0:
		member = s.before + member
		if !bytes.ContainsRune(o.AfterExtra, '\n') {
			member += s.close
		}
	case position == 0:
		at, member = o.Members[0].Name.StartOffset, member+","+s.before
	default:
		at, member = o.Members[position-1].Value.EndOffset, ","+s.before+member
	}
	at += len(text) - len(body)
	return slices.Concat(text[:at], []byte(member), text[at:])
}

// style is the space in an object.
type style struct {
	before string // in front of a member; with a line end if each has a line
	colon  string // between name and value
	close  string // in front of the closing bracket, if no member shows it
}

// styleOf is the style of an object's members. The root's decides if there are none.
func styleOf(o *hujson.Object, body []byte) style {
	if len(o.Members) == 0 {
		lineEnd := "\n"
		if bytes.Contains(body, []byte("\r\n")) {
			lineEnd = "\r\n"
		}
		return style{before: lineEnd + "  ", colon: ": ", close: lineEnd}
	}
	first := o.Members[0]
	s := style{before: space(first.Name.BeforeExtra), colon: space(first.Name.AfterExtra) + ":" + space(first.Value.BeforeExtra)}
	if len(o.Members) > 1 {
		s.before = space(o.Members[1].Name.BeforeExtra)
	}
	return s
}

// deeper is what stands in front of a member of a member of the root.
func (s style) deeper() string {
	lineEnd, indent, lines := strings.Cut(s.before, "\n")
	if !lines {
		return ""
	}
	return lineEnd + "\n" + indent + indent
}

// closing is what stands in front of the closing bracket of a member of the root.
func (s style) closing() string {
	if strings.Contains(s.before, "\n") {
		return s.before
	}
	return ""
}

// space is the white space before something: from the last line end on, and up to a comment.
func space(extra hujson.Extra) string {
	text := string(extra)
	if at := strings.LastIndexByte(text, '\n'); at >= 0 {
		if strings.HasSuffix(text[:at], "\r") {
			at--
		}
		text = text[at:]
	}
	return text[:len(text)-len(strings.TrimLeft(text, " \t\r\n"))]
}

func nameOf(m hujson.ObjectMember) string {
	name, _ := m.Name.Value.(hujson.Literal) // the parser lets nothing else pass
	return name.String()
}

// lastNamed is the position of the last member of that name, -1 if there is none.
func lastNamed(o *hujson.Object, name string) int {
	for i, m := range slices.Backward(o.Members) {
		if nameOf(m) == name {
			return i
		}
	}
	return -1
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always can be
	return string(text)
}
