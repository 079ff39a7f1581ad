package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// uses is what the code does with each object of the module, by its position.
type uses struct {
	outside map[token.Pos]bool // by another package, its tests too, or by an Example
	inside  map[token.Pos]bool // by its own package, tests apart; a field only if it is read
}

// find records every use in the code of all packages.
func (s *source) find() uses {
	u := uses{map[token.Pos]bool{}, map[token.Pos]bool{}}
	for _, p := range s.packages {
		for _, f := range p.files {
			walk(f, p.info, func(obj types.Object, _ string, written bool) {
				if obj.Pkg().Path() != p.ImportPath {
					u.outside[obj.Pos()] = true
				} else if !written {
					u.inside[obj.Pos()] = true
				}
			})
		}
		for _, tests := range p.tests {
			for _, f := range tests.files {
				walk(f, tests.info, func(obj types.Object, in string, _ bool) {
					if obj.Pkg().Path() != p.ImportPath || strings.HasPrefix(in, "Example") {
						u.outside[obj.Pos()] = true
					}
				})
			}
		}
		s.onOtherSystems(p, u)
	}
	return u
}

// walk calls use for each object of the module that f uses: in which function,
// and whether f only writes it. A declaration does not use what it declares, nor
// a method its receiver's type.
func walk(f *ast.File, info *types.Info, use func(obj types.Object, in string, written bool)) {
	for _, d := range f.Decls {
		in, receiver := "", (*ast.FieldList)(nil)
		var declared types.Object
		if function, ok := d.(*ast.FuncDecl); ok {
			in, receiver, declared = function.Name.Name, function.Recv, info.Defs[function.Name]
		}
		written := map[*ast.Ident]bool{}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FieldList:
				return n == nil || n != receiver
			case *ast.AssignStmt:
				if n.Tok == token.ASSIGN {
					for _, left := range n.Lhs {
						if field, ok := left.(*ast.SelectorExpr); ok {
							written[field.Sel] = true
						}
					}
				}
			case *ast.CompositeLit:
				fieldsSet(n, info, written, func(field types.Object) { use(field, in, false) })
			case *ast.Ident:
				obj := info.Uses[n]
				if obj != nil && obj.Pkg() != nil && isOurs(obj.Pkg().Path()) && (declared == nil || obj.Pos() != declared.Pos()) {
					use(obj, in, written[n])
				}
			}
			return true
		})
	}
}

// fieldsSet marks the names of fields that a literal sets. One without names uses
// all fields of its type.
func fieldsSet(literal *ast.CompositeLit, info *types.Info, written map[*ast.Ident]bool, use func(types.Object)) {
	structure, ok := literalType(info.Types[literal].Type).(*types.Struct)
	if !ok {
		return
	}
	for i, element := range literal.Elts {
		pair, named := element.(*ast.KeyValueExpr)
		if !named {
			if field := structure.Field(i); field.Pkg() != nil && isOurs(field.Pkg().Path()) {
				use(field)
			}
		} else if key, ok := pair.Key.(*ast.Ident); ok {
			written[key] = true
		}
	}
}

func literalType(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	if p, ok := t.Underlying().(*types.Pointer); ok { // &T left out in a slice of pointers
		return p.Elem().Underlying()
	}
	return t.Underlying()
}

// onOtherSystems goes by names, since those files are not type-checked: a name
// that occurs in a file counts as used, if it is of the file's package or of one
// that the file imports.
func (s *source) onOtherSystems(p *pkg, u uses) {
	for _, f := range p.ignored {
		names := map[string]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names[id.Name] = true
			}
			return true
		})
		mark := func(of *pkg, used map[token.Pos]bool) {
			for _, e := range exportsOf(of) {
				if names[e.obj.Name()] {
					used[e.obj.Pos()] = true
				}
			}
		}
		mark(p, u.inside)
		for _, i := range f.Imports {
			if q := s.byPath[unquoted(i)]; q != nil {
				mark(q, u.outside)
			}
		}
	}
}
