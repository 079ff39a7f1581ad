package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// The guards are guarded: each must find the faults planted in a small module,
// and nothing else in it.

const plantedModule = `
-- internal/low/low.go --
package low

import "fmt"

func Called() Shown { return Shown{Read: 1, Written: 2, Encoded: Encoded{Name: "a"}, Kind: KindA} }
func Uncalled() {}
func OnlyInside() { helper(OnlyInside) }
func OnlyOwnTests() {}
func OtherTests() {}
func OtherSystem() {}
func Recursive() { Recursive() }

func helper(func()) { OnlyInside(); fmt.Print(NotShown{}) }

type NotShown struct{}

type Shown struct {
	Read    int
	Written int
	Encoded Encoded
	Kind    Kind
	Place
}

type Place struct{ X, Y int }

var origin = Place{1, 2}

func (s Shown) sum() int { return s.Read + origin.X }

type Encoded struct {
	Name string ` + "`json:\"name\"`" + `
	Bare string
}

type Kind int

const (
	KindA Kind = iota
	KindB
)

func (k Kind) String() string { _ = Shown{}.sum(); return [...]string{KindA: "a"}[k] }
func (k Kind) Unmarshalled() {}

var ErrReturned error = failed{}
type failed struct{ Kind }
func (failed) Error() string { return fmt.Sprint(ErrReturned) }
func (failed) Unwrap() error { return nil }

type List[T any] struct{ all []T }
func (l *List[T]) Add(one T) { l.all = append(l.all, one) }
func (l *List[T]) Dropped() {}
-- internal/low/low_test.go --
package low

import "testing"

func TestLow(*testing.T) { OnlyOwnTests() }
-- internal/high/high.go --
package high

import (
	"encoding/json"
	"os/exec"

	"github.com/heapmage/heapmage/internal/low"
)

type taker interface{ Take(low.Kind) }

type sink struct{}

func (sink) Take(low.Kind) {}
func (sink) Left() {}

func init() {
	var t taker = sink{}
	shown := low.Called()
	t.Take(shown.Kind)
	_, _ = json.Marshal(shown.Encoded)
	_ = exec.Command
	var l low.List[int]
	l.Add(1)
}
-- internal/high/high_windows.go --
package high

import "github.com/heapmage/heapmage/internal/low"

func init() { low.OtherSystem() }
-- internal/high/high_test.go --
package high

import "github.com/heapmage/heapmage/internal/low"

func init() { low.OtherTests() }
-- open/open.go --
package open

import _ "gopkg.in/none"

type Result struct{ OnlyWritten int }

func Shown() Result { return Result{OnlyWritten: 1} }
func NotShown() {}
func Reasoned() {}
-- open/open_test.go --
package open_test

import "github.com/heapmage/heapmage/open"

func ExampleShown() { _ = open.Shown() }

func TestNotShown() { open.NotShown() }
`

// planted is the module above. Its import of a module that is not there is left
// out where types are checked.
func planted(t *testing.T, checked bool) *source {
	t.Helper()
	dir := t.TempDir()
	all := map[string]*pkg{}
	for _, f := range txtar.Parse([]byte(plantedModule)).Files {
		text := string(f.Data)
		if checked {
			text = strings.Replace(text, `import _ "gopkg.in/none"`, "", 1)
		}
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		name := path.Dir(f.Name)
		if all[name] == nil {
			all[name] = &pkg{name: name, ImportPath: module + "/" + name, Dir: filepath.Dir(file)}
		}
		p, base := all[name], path.Base(f.Name)
		switch {
		case strings.Contains(text, "_test\n"):
			p.XTestGoFiles = append(p.XTestGoFiles, base)
		case strings.HasSuffix(base, "_test.go"):
			p.TestGoFiles = append(p.TestGoFiles, base)
		case strings.HasSuffix(base, "_windows.go"):
			p.IgnoredGoFiles = append(p.IgnoredGoFiles, base)
		default:
			p.GoFiles = append(p.GoFiles, base)
		}
	}
	packages := []*pkg{all["internal/low"], all["internal/high"], all["open"]}
	if checked {
		s, err := newSource(packages)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := &source{fset: token.NewFileSet(), packages: packages}
	for _, p := range packages {
		if err := p.parse(s.fset); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// importing returns a package that imports paths.
func importing(t *testing.T, name string, paths ...string) *pkg {
	t.Helper()
	text := "package p\n"
	for _, path := range paths {
		text += "import _ \"" + path + "\"\n"
	}
	f, err := parser.ParseFile(token.NewFileSet(), "", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &pkg{name: name, files: []*ast.File{f}}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestPlantedExports(t *testing.T) {
	got := checkExported(planted(t, true), map[string]string{
		"open.Reasoned": "a reason",
		"open.Shown":    "stale: it has an Example",
		"open.Gone":     "stale: it is gone",
	})
	expect(t, got,
		"internal/high.sink.Left is exported and has no caller",
		"internal/low.Kind.Unmarshalled is exported and has no caller",
		"internal/low.List.Dropped is exported and has no caller",
		"internal/low.NotShown is exported and has no caller outside its package",
		"internal/low.OnlyInside is exported and has no caller outside its package",
		"internal/low.OnlyOwnTests is exported and has no caller",
		"internal/low.KindB is exported and has no caller",
		"internal/low.Recursive is exported and has no caller",
		"internal/low.Shown.Written is exported and has no caller",
		"internal/low.Uncalled is exported and has no caller",
		"open.Gone is gone or has a caller: remove it from reasons",
		"open.NotShown is exported and has no caller",
		"open.Shown is gone or has a caller: remove it from reasons",
	)
}

func TestPlantedLayers(t *testing.T) {
	packages := planted(t, false).packages
	t.Run("in order", func(t *testing.T) {
		expect(t, checkLayers(packages, [][]string{{"internal/low"}, {"internal/high"}}, map[string]string{"open": "apart"}))
	})
	t.Run("an import that points up, a package without a place, stale entries", func(t *testing.T) {
		expect(t, checkLayers(packages, [][]string{{"internal/high", "internal/old"}, {"internal/low"}}, map[string]string{"bench": "a command"}),
			"bench is gone: remove it from ends",
			"internal/high imports internal/low, which is not below it",
			"internal/old is gone: remove it from the layers",
			"open has no place among the layers: give it one")
	})
	t.Run("an import of the same layer, a package in two", func(t *testing.T) {
		expect(t, checkLayers(packages, [][]string{{"internal/high", "internal/low"}, {"open"}, {"open"}}, nil),
			"internal/high imports internal/low, which is not below it",
			"open is in two layers")
	})
}

func TestPlantedRules(t *testing.T) {
	packages := planted(t, false).packages
	expect(t, checkRules(packages, []rule{
		{"kept", "os/exec", []string{"internal/high"}},
		{"broken", module + "/internal/low", nil},
		{"stale", "fmt", []string{"internal/low", "internal/high"}},
		{"stale", "github.com/gone", []string{"open"}},
		{"a ban holds while nothing breaks it", "github.com/banned", nil},
	}),
		"internal/high imports "+module+"/internal/low: broken",
		"internal/high no longer imports fmt: remove it from the rule",
		"open no longer imports github.com/gone: remove it from the rule",
	)
	expect(t, checkStandardOnly(packages, []string{"open", "internal/low", "gone"}),
		"gone is gone: remove it from standardOnly",
		"open needs gopkg.in/none, which is not of the standard library")
	expect(t, checkStandardOnly([]*pkg{
		importing(t, "ci", module+"/internal/deep", "fmt"), importing(t, "internal/deep", "gopkg.in/none"),
	}, []string{"ci"}), "ci needs gopkg.in/none, which is not of the standard library")
}

func TestPlantedSizes(t *testing.T) {
	expect(t, checkSizes(map[string]int{"large": largest + 1, "fits": largest, "may": largest + 1, "shrunk": 7},
		map[string]string{"may": "a reason", "shrunk": "stale", "gone": "stale"}),
		"large has more than 1500 code lines",
		"shrunk has no more than 1500 code lines: remove it from large",
		"gone has no more than 1500 code lines: remove it from large")
	text := "// Package p is.\npackage p\n\n/* a\nblock */\nvar x = `raw\n\nstring` // here\n\nvar y = f(\n\t1,\n)\n"
	if got := linesWithCode([]byte(text)); got != 7 {
		t.Errorf("%d lines with code, want 7", got)
	}
}
