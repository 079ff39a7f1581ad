package completion

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// target is a target of heapmage's.
type target struct {
	name  string // "memory:stats"
	flags []candidate
}

// readTargets reads targets from their source, as Mage does: exported functions, methods of
// namespaces, and those of a folder, which is imported under its name. Go's reflection
// does not know the names of parameters, which are the flags.
func readTargets(sources fs.FS) (all []target, err error) {
	return all, fs.WalkDir(sources, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(sources, file)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, text, parser.ParseComments)
		if err != nil {
			return err
		}
		comments := ast.NewCommentMap(set, parsed, parsed.Comments)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			t := target{name: f.Name.Name}
			if folder := path.Dir(file); folder != "." {
				t.name = folder + ":" + t.name
			}
			if f.Recv != nil {
				t.name = fmt.Sprint(f.Recv.List[0].Type) + ":" + t.name
			}
			for _, p := range f.Type.Params.List {
				t.flags = append(t.flags, flagsOf(p, comments[p])...)
			}
			all = append(all, t)
		}
		return nil
	})
}

// flagsOf are the flags of a parameter: "-fix" or "-workspace=".
func flagsOf(p *ast.Field, comments []*ast.CommentGroup) (flags []candidate) {
	pointer, ok := p.Type.(*ast.StarExpr)
	if !ok {
		return nil
	}
	help, end := "", "="
	if len(comments) > 0 {
		help = strings.TrimSpace(comments[0].Text())
	}
	if fmt.Sprint(pointer.X) == "bool" {
		end = ""
	}
	for _, name := range p.Names {
		flags = append(flags, candidate{"-" + name.Name + end, help})
	}
	return flags
}
