package environ

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	env := []string{"A=1", "B=", "A=2=3", "AB=4", "ODD"}
	for _, tt := range []struct {
		claim, name, want string
		set               bool
	}{
		{"the last entry counts", "A", "2=3", true},
		{"an empty value is set", "B", "", true},
		{"a name is compared whole", "AB", "4", true},
		{"a missing variable is not set", "C", "", false},
		{"an entry without a value is none", "ODD", "", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got, set := Lookup(env, tt.name); got != tt.want || set != tt.set || Value(env, tt.name) != tt.want {
				t.Errorf("got %q, %v", got, set)
			}
		})
	}
}

func TestWithoutDropsEveryEntryOfTheName(t *testing.T) {
	env := []string{"A=1", "B=2", "A=3"}
	if got := Without(env, "A"); !slices.Equal(got, []string{"B=2"}) || len(env) != 3 {
		t.Errorf("got %q of %q", got, env)
	}
}

// A name that is in neither list would be refused as unknown in a child that
// heapmage itself gave it to.
func TestEveryNameIsASettingOrAMark(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "heapmage.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	ast.Inspect(file, func(n ast.Node) bool {
		sum, ok := n.(*ast.BinaryExpr)
		if !ok {
			return true
		}
		rest, err := strconv.Unquote(sum.Y.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		names++
		if name := Prefix + rest; IsMark(name) == slices.Contains(Settings(), name) {
			t.Errorf("%s is not in exactly one of settings and marks", name)
		}
		return true
	})
	if names != len(settings)+len(marks) {
		t.Errorf("%d names are declared, %d are listed", names, len(settings)+len(marks))
	}
}

var spelled = regexp.MustCompile(Prefix + `[A-Z_]+`)

// Go code outside of tests takes names from this package; what is written in
// other languages has to spell them as they are here.
func TestNamesAreSpelledHereOnly(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "node_modules" || name == "testdata" || name == "environ" || strings.HasPrefix(name, ".") && name != ".."):
			return filepath.SkipDir
		case d.IsDir(), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		switch filepath.Ext(name) {
		case ".go":
			for _, literal := range literals(t, file) {
				if strings.HasPrefix(literal, Prefix) {
					t.Errorf("%s spells %q: take the name from internal/environ", file, literal)
				}
			}
		case ".cjs", ".md":
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, name := range spelled.FindAllString(string(text), -1) {
				if !IsMark(name) && !slices.Contains(settings, name) {
					t.Errorf("%s names %s, which is not known", file, name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literals are the values of the string literals in a Go file.
func literals(t *testing.T, file string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			value, err := strconv.Unquote(l.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	return values
}
