package archtest

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A comment before the package clause is the first line of mage -l.
func TestReadmeMagefile(t *testing.T) {
	root := filepath.Join("..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	recipe, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the README has no Go code")
	}
	file, err := parser.ParseFile(token.NewFileSet(), "magefile.go", recipe, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if doc := file.Doc.Text(); doc != "" {
		t.Errorf("mage -l of the README's magefile begins with %q", doc)
	}
	own, err := os.ReadFile(filepath.Join(root, "magefile.go"))
	if err != nil {
		t.Fatal(err)
	}
	if recipe != string(own) {
		t.Error("the README's magefile is not the one of this repository")
	}
}
