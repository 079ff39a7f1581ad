package archtest

import (
	"cmp"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// reader writes expressions as the text that they make.
type reader struct {
	*messages
	open    bool // a parameter is in it of which the argument is not known
	reading []any
}

// quietly reads what may not ask for the calls.
func (r *reader) quietly(e ast.Expr, in *scope) string {
	other := &reader{messages: r.messages}
	return other.read(e, in)
}

func (r *reader) read(e ast.Expr, in *scope) string {
	if e == nil {
		return ""
	}
	if v := in.info.Types[e].Value; v != nil && v.Kind() == constant.String {
		return constant.StringVal(v)
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return r.read(e.X, in)
	case *ast.BinaryExpr:
		return r.read(e.X, in) + r.read(e.Y, in)
	case *ast.CallExpr:
		return r.readCall(e, in, 0)
	case *ast.Ident:
		return r.readName(e, in)
	}
	return unknown(e)
}

func unknown(e ast.Expr) string { return "‹" + types.ExprString(e) + "›" }

// readCall reads one result of a call.
func (r *reader) readCall(c *ast.CallExpr, in *scope, result int) string {
	f := in.callee(c)
	if f == nil || len(r.reading) > deepest {
		return unknown(c)
	}
	switch f.FullName() {
	case "fmt.Sprintf", "fmt.Errorf", "errors.New":
		return r.read(c.Args[0], in)
	case "(*" + module + "/internal/problem.Mistake).In":
		return r.read(c.Args[0], in) + ":LINE"
	case "cmp.Or":
		var all []string
		for _, a := range c.Args {
			all = append(all, r.read(a, in))
		}
		return oneOf(all)
	}
	called := r.functions[f]
	if called == nil || slices.Contains(r.reading, any(f)) {
		return unknown(c)
	}
	r.reading = append(r.reading, f)
	defer func() { r.reading = r.reading[:len(r.reading)-1] }()
	bound := &scope{pkg: called.pkg, decl: called.decl, arguments: called.bind(c), caller: in}
	var all []string
	ast.Inspect(called.decl.Body, func(n ast.Node) bool {
		if n, ok := n.(*ast.ReturnStmt); ok && len(n.Results) > result {
			all = append(all, r.read(n.Results[result], bound))
		}
		_, inner := n.(*ast.FuncLit)
		return !inner
	})
	if text := oneOf(all); strings.Contains(text, " ") && len(text) < 1000 {
		return text
	}
	return unknown(c)
}

// readName reads a parameter by its argument, and a variable by all that it is set to.
func (r *reader) readName(name *ast.Ident, in *scope) string {
	object := in.info.Uses[name]
	if argument, ok := in.arguments[object]; ok {
		return r.read(argument, in.caller)
	}
	if object == nil || !isText(object.Type()) || slices.Contains(r.reading, any(object)) {
		return unknown(name)
	}
	if in.arguments == nil && slices.ContainsFunc(in.decl.Type.Params.List, func(f *ast.Field) bool {
		return slices.ContainsFunc(f.Names, func(p *ast.Ident) bool { return in.info.Defs[p] == object })
	}) {
		r.open = true
		return unknown(name)
	}
	r.reading = append(r.reading, object)
	defer func() { r.reading = r.reading[:len(r.reading)-1] }()
	var all []string
	ast.Inspect(in.decl.Body, func(n ast.Node) bool {
		set, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for i, left := range set.Lhs {
			if id, ok := left.(*ast.Ident); ok && cmp.Or(in.info.Defs[id], in.info.Uses[id]) == object {
				text := ""
				if c, ok := set.Rhs[0].(*ast.CallExpr); ok && len(set.Rhs) == 1 {
					text = r.readCall(c, in, i)
				} else if len(set.Rhs) == len(set.Lhs) {
					text = r.read(set.Rhs[i], in)
				}
				if set.Tok == token.ADD_ASSIGN {
					text = "…" + text
				}
				all = append(all, text)
			}
		}
		return true
	})
	if text := oneOf(all); strings.ContainsAny(text, " ") {
		return text
	}
	return unknown(name)
}

func isText(t types.Type) bool {
	basic, ok := t.(*types.Basic)
	return ok && basic.Kind() == types.String
}

// oneOf joins texts of which one is taken.
func oneOf(all []string) string {
	var some []string
	for _, text := range all {
		if text != "" && !slices.Contains(some, text) {
			some = append(some, text)
		}
	}
	if len(some) < 2 {
		return strings.Join(some, "")
	}
	return "(" + strings.Join(some, " | ") + ")"
}
