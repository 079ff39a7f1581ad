package archtest

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const messagesFile = "../../docs/messages.md"

const messagesIntro = `# The messages

Every error, notice and finding of memory:doctor that heapmage's own code words, by package and file, so that they can
be read side by side. A test of ` + "`internal/archtest`" + ` collects them from the code on Linux; after a change write this page
again with ` + "`UPDATE=1 go test -run TestMessages ./internal/archtest`" + `. [Troubleshooting](troubleshooting.md) tells
what to do about them.

A place comes first, what to do after 💡, and why a finding matters in a line between. %s and the like stand for what is put in,
‹words› for a value of the code, and (one | other) for one of several texts. What begins with … or 💡 takes the place of
a line of the message above.
`

// TestMessages holds docs/messages.md to the code.
func TestMessages(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems compile other files")
	}
	want := []byte(messagesIntro + newMessages(loaded(t)).page())
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(messagesFile, want, 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(messagesFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/messages.md is not what the code says: UPDATE=1 go test -run TestMessages ./internal/archtest (%v)", err)
	}
}

// TestMessagesNameTargetsAlone: people start them with go tool mage, npx heapmage or a program
// of their own, so a message that names one of these is wrong for the others.
func TestMessagesNameTargetsAlone(t *testing.T) {
	for _, wrong := range regexp.MustCompile(`(?m)^.*\b(mage|npx heapmage) [a-z-].*$`).FindAllString(newMessages(loaded(t)).page(), -1) {
		if !strings.Contains(wrong, "have it run") { // what another runner's script is to be
			t.Errorf("a message tells how a target is started: %s", wrong)
		}
	}
}

// worded are the types of what users read, with the fields that have its words: the line
// itself, why it matters, and what to do.
var worded = map[string][3]string{
	module + "/internal/problem.Error":    {"What", "", "Hint"},
	module + "/internal/problem.Mistake":  {"What", "", ""},
	module + "/internal/event.Notice":     {"Text", "", "Hint"},
	module + "/internal/doctor.finding":   {"What", "Why", "Do"},
	module + "/internal/declared.Summary": {"Text", "", "Hint"},
	module + "/internal/setup.note":       {"What", "", "Do"},
}

// messages finds the texts of the worded types.
type messages struct {
	*source
	functions map[*types.Func]*scope
	calls     map[*types.Func][]call
	lines     map[string][]message // by package
}

// message is one text, at the place in the code that words it.
type message struct {
	at   token.Position
	text string
}

// call is one call, in the function that makes it.
type call struct {
	*ast.CallExpr
	in *scope
}

// scope is a function, with the arguments of one call of it if those are known.
type scope struct {
	*pkg
	decl      *ast.FuncDecl
	arguments map[types.Object]ast.Expr
	caller    *scope // in which the arguments have their meaning
}

func newMessages(s *source) *messages {
	m := &messages{s, map[*types.Func]*scope{}, map[*types.Func][]call{}, map[string][]message{}}
	var all []*scope
	for _, p := range s.packages {
		if strings.Contains(p.name, "bench") || strings.Contains(p.name, "test") || strings.Contains(p.name, "example") {
			continue // for those who work on heapmage
		}
		for _, f := range p.files {
			for _, d := range f.Decls {
				if decl, ok := d.(*ast.FuncDecl); ok && decl.Body != nil {
					in := &scope{pkg: p, decl: decl}
					m.functions[p.info.Defs[decl.Name].(*types.Func)] = in
					all = append(all, in)
				}
			}
		}
	}
	for _, in := range all {
		ast.Inspect(in.decl.Body, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				if f := in.callee(c); f != nil {
					m.calls[f] = append(m.calls[f], call{c, in})
				}
			}
			return true
		})
	}
	for _, in := range all {
		m.collect(in)
	}
	return m
}

// collect takes the texts of literals of the worded types, and of their fields that are set later.
func (m *messages) collect(in *scope) {
	ast.Inspect(in.decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if fields, ok := worded[in.typeOf(n)]; ok && len(n.Elts) > 0 {
				of := map[string]ast.Expr{}
				for _, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						of[kv.Key.(*ast.Ident).Name] = kv.Value
					}
				}
				m.add(in, n.Pos(), in, 0, func(in *scope) (string, bool) {
					r := &reader{messages: m}
					text := r.read(of[fields[0]], in)
					if task := r.quietly(of["Task"], in); task != "" {
						text = task + ": " + text
					}
					if where := r.quietly(of["Where"], in); where != "" {
						text = where + ": " + text
					}
					if cause := r.quietly(of["Cause"], in); cause != "" && cause != "nil" {
						text += ": " + cause
					}
					return text + prefixed("\n   ", r.read(of[fields[1]], in)) + prefixed("\n💡 ", r.read(of[fields[2]], in)), r.open
				})
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				field, ok := left.(*ast.SelectorExpr)
				if !ok || len(n.Lhs) != len(n.Rhs) {
					continue
				}
				fields, ok := worded[in.typeOf(field.X)]
				if at := slices.Index(fields[:], field.Sel.Name); ok && at >= 0 {
					m.add(in, n.Pos(), in, 0, func(in *scope) (string, bool) {
						r := &reader{messages: m}
						return [3]string{"… ", "   ", "💡 "}[at] + r.read(n.Rhs[i], in), r.open
					})
				}
			}
		}
		return true
	})
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// deepest is how many calls a text is followed through.
const deepest = 4

// add adds a text. One that is made of the parameters of a function is added for each call.
func (m *messages) add(in *scope, pos token.Pos, outermost *scope, depth int, read func(*scope) (string, bool)) {
	text, open := read(in)
	calls := m.calls[outermost.info.Defs[outermost.decl.Name].(*types.Func)]
	if !open || len(calls) == 0 || depth == deepest {
		if strings.Contains(text, " ") { // else it is another's text, handed on
			m.lines[outermost.name] = append(m.lines[outermost.name], message{m.fset.Position(pos), text})
		}
		return
	}
	for _, c := range calls {
		caller := &scope{pkg: c.in.pkg, decl: c.in.decl}
		m.add(in.calledBy(outermost, c.CallExpr, caller), c.Pos(), caller, depth+1, read)
	}
}

// calledBy is the scope in which the outermost of its callers is called by another function.
func (in *scope) calledBy(outermost *scope, c *ast.CallExpr, caller *scope) *scope {
	bound := *in
	if in.decl == outermost.decl {
		bound.arguments, bound.caller = outermost.bind(c), caller
	} else {
		bound.caller = in.caller.calledBy(outermost, c, caller)
	}
	return &bound
}

// bind pairs the function's parameters with what a call hands over.
func (in *scope) bind(c *ast.CallExpr) map[types.Object]ast.Expr {
	arguments, i := map[types.Object]ast.Expr{}, 0
	for _, field := range in.decl.Type.Params.List {
		_, variadic := field.Type.(*ast.Ellipsis)
		for _, name := range field.Names {
			if i < len(c.Args) && !variadic {
				arguments[in.info.Defs[name]] = c.Args[i]
			}
			i++
		}
	}
	return arguments
}

func (in *scope) typeOf(e ast.Expr) string {
	t := in.info.TypeOf(e)
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := t.(*types.Named); ok && named.Obj().Pkg() != nil {
		return named.Obj().Pkg().Path() + "." + named.Obj().Name()
	}
	return ""
}

func (in *scope) callee(c *ast.CallExpr) *types.Func {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		found, _ := in.info.Uses[f].(*types.Func)
		return found
	case *ast.SelectorExpr:
		found, _ := in.info.Uses[f.Sel].(*types.Func)
		return found
	}
	return nil
}

// page is the texts in Markdown, in the order of the code.
func (m *messages) page() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.lines)) {
		lines := m.lines[name]
		slices.SortStableFunc(lines, func(a, b message) int {
			return cmp.Or(cmp.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Offset, b.at.Offset))
		})
		fmt.Fprintf(&b, "\n## %s\n\n```text", name)
		file, seen := "", map[string]bool{}
		for _, l := range lines {
			if l.at.Filename != file {
				file, seen = l.at.Filename, map[string]bool{}
				fmt.Fprintf(&b, "\n# %s\n", filepath.Base(file))
			}
			if !seen[l.text] && !slices.ContainsFunc(lines, func(o message) bool { return strings.Contains(o.text, ": "+l.text+"\n") }) {
				b.WriteString(l.text + "\n")
			}
			seen[l.text] = true
		}
		b.WriteString("```\n")
	}
	return b.String()
}
