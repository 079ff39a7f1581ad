package archtest

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
	"testing"
)

// A name is exported for callers. One without them is code that nothing needs, or
// a name that should begin in lower case. Callers are the code of other packages;
// an Example of a public package counts, and so does a reason in the list below.

// reasons are exported names, or with a star at the end all that begin so, that
// have callers which this module does not show.
var reasons = map[string]string{
	"mage.*":       "targets: Mage calls them",
	"mage/build.*": "targets: Mage calls them",

	"internal/commandline.Translate": "the magefile of internal/release calls it",

	"internal/httpstore.Client.*":   "mage/s3 calls them, which is another module",
	"internal/httpstore.NewClient":  "mage/s3 calls it, which is another module",
	"internal/httpstore.Parameters": "mage/s3 calls it, which is another module",
	"internal/httpstore.Digest":     "mage/s3 calls it, which is another module",
	"internal/servertest.*":         "tests of mage/s3, which is another module, call them",

	"internal/observe.Stamp.*": "encoding/gob writes it",

	"memtools.GetStats":      "an alias: docs/guide-api.md promises the name",
	"memtools.MonitorConfig": "an alias: docs/guide-api.md promises the name",
}

func TestExportedNamesHaveCallers(t *testing.T) {
	report(t, checkExported(loaded(t), reasons))
}

// export is an exported name of a package, or a method or field of a type.
type export struct {
	name    string // such as memtools.Bytes.String
	obj     types.Object
	member  bool         // of a type
	of      *types.Named // the type that has it as a method, if that is no interface
	encoded bool         // it is a field that a codec reads and writes
}

func checkExported(s *source, reasons map[string]string) (faults []string) {
	u := s.find()
	needed := map[string]bool{}
	for _, p := range s.packages {
		all := exportsOf(p)
		shown := mentioned(all)
		for _, e := range all {
			if s.hasCaller(p, e, u, shown) {
				continue
			}
			if key, ok := reasonFor(e.name, reasons); ok {
				needed[key] = true
				continue
			}
			text := e.name + " is exported and has no caller"
			if u.inside[e.obj.Pos()] {
				text += " outside its package"
			}
			faults = append(faults, text)
		}
	}
	for key := range reasons {
		if !needed[key] {
			faults = append(faults, fmt.Sprintf("%s is gone or has a caller: remove it from reasons", key))
		}
	}
	return faults
}

func reasonFor(name string, reasons map[string]string) (key string, ok bool) {
	for key := range reasons {
		if prefix, all := strings.CutSuffix(key, "*"); key == name || all && strings.HasPrefix(name, prefix) {
			return key, true
		}
	}
	return "", false
}

// isPublic reports whether other modules can import the package.
func isPublic(name string) bool {
	_, end := ends[name]
	return !end && !strings.Contains("/"+name+"/", "/internal/")
}

// hasCaller reports whether e is used, or has to be exported without a use.
func (s *source) hasCaller(p *pkg, e export, u uses, shown map[types.Object]bool) bool {
	inside, outside := u.inside[e.obj.Pos()], u.outside[e.obj.Pos()]
	if outside {
		return true
	}
	switch obj := e.obj.(type) {
	case *types.Const:
		return inside // it may be one of a set, and come back as a result
	case *types.TypeName:
		// A caller may have values of it without its name, errors among them.
		return inside && (shown[obj] || isError(obj.Type()))
	case *types.Func:
		hidden := e.of == nil || !e.of.Obj().Exported()
		return inside && e.member && hidden || e.of != nil && s.satisfies(e.of, obj)
	case *types.Var:
		if !obj.IsField() {
			return inside && isError(obj.Type())
		}
		// Users of a public package read what it only writes.
		return inside || obj.Embedded() || e.encoded || isPublic(p.name)
	}
	return false
}

func isError(t types.Type) bool {
	i := errorInterfaces()[0]
	return types.Implements(t, i) || types.Implements(types.NewPointer(t), i)
}

// exportsOf returns what p exports. Fields are those of exported types: the ones
// of other types are spelt for codecs.
func exportsOf(p *pkg) (all []export) {
	scope := p.types.Scope()
	for _, name := range scope.Names() {
		obj, prefix := scope.Lookup(name), p.name+"."+name
		if obj.Exported() {
			all = append(all, export{name: prefix, obj: obj})
		}
		if t, ok := obj.(*types.TypeName); ok && !t.IsAlias() {
			all = append(all, membersOf(prefix, t)...)
		}
	}
	return all
}

func membersOf(prefix string, t *types.TypeName) (all []export) {
	named := t.Type().(*types.Named)
	for m := range named.Methods() {
		if m.Exported() {
			all = append(all, export{name: prefix + "." + m.Name(), obj: m, member: true, of: named})
		}
	}
	switch under := named.Underlying().(type) {
	case *types.Struct:
		if t.Exported() {
			all = append(all, fieldsOf(prefix, under)...)
		}
	case *types.Interface:
		for m := range under.ExplicitMethods() {
			if m.Exported() {
				all = append(all, export{name: prefix + "." + m.Name(), obj: m, member: true})
			}
		}
	}
	return all
}

func fieldsOf(prefix string, structure *types.Struct) (all []export) {
	encoded := false // a codec takes the fields without a tag too
	for i := range structure.NumFields() {
		encoded = encoded || structure.Tag(i) != ""
	}
	for f := range structure.Fields() {
		if !f.Exported() {
			continue
		}
		e := export{name: prefix + "." + f.Name(), obj: f, member: true, encoded: encoded}
		all = append(all, e)
		if inner, ok := f.Type().(*types.Struct); ok {
			all = append(all, fieldsOf(e.name, inner)...)
		}
	}
	return all
}

// mentioned returns the types that stand in the type of any other export: of a
// parameter, a result, a field.
func mentioned(all []export) map[types.Object]bool {
	shown := map[types.Object]bool{}
	for _, e := range all {
		if _, ok := e.obj.(*types.TypeName); ok {
			continue
		}
		mark(e.obj.Type(), shown)
	}
	return shown
}

func mark(t types.Type, shown map[types.Object]bool) {
	switch t := t.(type) {
	case *types.Named:
		shown[t.Obj()] = true
		for a := range t.TypeArgs().Types() {
			mark(a, shown)
		}
	case *types.Alias:
		shown[t.Obj()] = true
		mark(t.Rhs(), shown)
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels, maps
		if m, ok := t.(*types.Map); ok {
			mark(m.Key(), shown)
		}
		mark(t.Elem(), shown)
	case *types.Signature:
		for v := range t.Params().Variables() {
			mark(v.Type(), shown)
		}
		for v := range t.Results().Variables() {
			mark(v.Type(), shown)
		}
	case *types.Struct:
		for f := range t.Fields() {
			mark(f.Type(), shown)
		}
	}
}

// satisfies reports whether an interface that t implements has method m: one of
// this module, or of a package that it imports.
func (s *source) satisfies(t *types.Named, m *types.Func) bool {
	for _, i := range s.interfaces {
		if demands(i, t, m) {
			return true
		}
	}
	for _, p := range s.packages {
		for expr, found := range p.info.Types {
			if _, ok := expr.(*ast.InterfaceType); !ok {
				continue
			}
			if i, ok := found.Type.(*types.Interface); ok && demands(i, t, m) {
				return true
			}
		}
	}
	return false
}

func demands(i *types.Interface, t *types.Named, m *types.Func) bool {
	for wanted := range i.Methods() {
		if wanted.Name() == m.Name() {
			// Implements cannot be asked about a generic type: its name must do.
			return t.TypeParams().Len() > 0 || types.Implements(t, i) || types.Implements(types.NewPointer(t), i)
		}
	}
	return false
}
