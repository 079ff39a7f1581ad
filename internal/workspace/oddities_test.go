package workspace

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/heapmage/heapmage/internal/problem"
)

var update = flag.Bool("update", false, "write what the fixtures load as into them")

// TestOddities loads each archive of testdata/oddities: what real repositories
// do. The first line of an archive is the claim, "load: DIR" the folder to
// start from, the file "want" what comes of it.
func TestOddities(t *testing.T) {
	archives, err := filepath.Glob("testdata/oddities/*.txtar")
	if err != nil || len(archives) < 60 {
		t.Fatalf("%d archives, %v", len(archives), err)
	}
	for _, file := range archives {
		fixture, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		claim, options, _ := strings.Cut(string(fixture.Comment), "\n")
		t.Run(claim, func(t *testing.T) {
			root := layArchive(t, fixture)
			dir, _ := strings.CutPrefix(strings.TrimSpace(options), "load: ")
			got := render(t, root, filepath.Join(root, dir))
			at := slices.IndexFunc(fixture.Files, func(f txtar.File) bool { return f.Name == "want" })
			if at < 0 {
				at = len(fixture.Files)
				fixture.Files = append(fixture.Files, txtar.File{Name: "want"})
			}
			want := &fixture.Files[at].Data
			switch {
			case got == string(*want):
			case *update:
				*want = []byte(got)
				if err := os.WriteFile(file, txtar.Format(fixture), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s loads as\n%s\nwant\n%s", file, got, *want)
			}
		})
	}
}

// render writes a workspace, or the error, as a person would check it.
func render(t *testing.T, root, dir string) string {
	t.Helper()
	w, err := Load(dir)
	if err != nil {
		var p *problem.Error
		if !errors.As(err, &p) || p.ExitStatus() != problem.ExitUsage {
			t.Errorf("%v is no mistake of the user with exit code 2", err)
		}
		if lines := strings.Count(err.Error(), "\n") + 1; lines > 3 {
			t.Errorf("the message has %d lines", lines)
		}
		return strings.ReplaceAll(err.Error(), root, "ROOT") + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, said by %s, lock file %q", w.Manager, w.ManagerVersion, w.ManagerFrom, w.LockFile)
	if w.PnP {
		b.WriteString(", Plug'n'Play")
	}
	b.WriteString("\n")
	list := func(p *Package, what string) {
		fmt.Fprintf(&b, "%s %s: %s", what, p.Dir, p.Name)
		if p.Name != p.DeclaredName {
			fmt.Fprintf(&b, ", declared %q", p.DeclaredName)
		}
		if p.private {
			b.WriteString(", private")
		}
		for _, name := range []string{"build", "test"} {
			if script := p.Scripts[name]; script != "" {
				fmt.Fprintf(&b, ", %s: %s", name, script)
			}
		}
		b.WriteString("\n")
		for _, d := range p.Dependencies {
			fmt.Fprintf(&b, "  %s on %s (%q)\n", d.Kind, d.To.Dir, d.Spec)
		}
	}
	member := false
	for _, p := range w.Packages {
		list(p, "package")
		member = member || p == w.RootPackage
	}
	if !member {
		list(w.RootPackage, "root")
	}
	for _, warning := range w.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	return b.String()
}
