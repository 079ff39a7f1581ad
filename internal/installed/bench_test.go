package installed

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/workspace"
)

// BenchmarkOf asks for each of 1,000 packages, with 2,000 installed, from files that were
// not read before, and from what an earlier run kept of them.
func BenchmarkOf(b *testing.B) {
	const packages, installed = 1000, 2000
	dependencies := func(k, count int) map[string]string {
		m := map[string]string{}
		for j := range count {
			m[fmt.Sprintf("dep%d", (k*7+j*j*13+1)%installed)] = "1.0.0"
		}
		return m
	}
	for _, manager := range []workspace.Manager{workspace.NPM, workspace.PNPM} {
		b.Run(string(manager), func(b *testing.B) {
			ws := &workspace.Workspace{Root: b.TempDir(), Manager: manager}
			npm := map[string]any{}
			var importers, bodies, snapshots strings.Builder
			for k := range packages {
				dir := fmt.Sprintf("packages/p%d", k)
				manifest, err := json.Marshal(map[string]any{"name": fmt.Sprint("p", k), "dependencies": dependencies(k, 10)})
				if err != nil {
					b.Fatal(err)
				}
				ws.Packages = append(ws.Packages, &workspace.Package{Name: fmt.Sprint("p", k), DeclaredName: fmt.Sprint("p", k), Dir: dir, Manifest: manifest})
				npm[dir] = map[string]any{"version": "1.0.0"}
				fmt.Fprintf(&importers, "\n  %s:\n    dependencies:\n", dir)
				for name := range dependencies(k, 10) {
					fmt.Fprintf(&importers, "      %s:\n        specifier: ^1.0.0\n        version: 1.0.0\n", name)
				}
			}
			for k := range installed {
				sum := "sha512-" + fingerprint.Sum(fmt.Sprint(k)).String()
				npm[fmt.Sprint("node_modules/dep", k)] = map[string]any{"version": "1.0.0", "integrity": sum, "dependencies": dependencies(k+1, 4)}
				fmt.Fprintf(&bodies, "\n  dep%d@1.0.0:\n    resolution: {integrity: %s}\n    engines: {node: '>=4'}\n", k, sum)
				fmt.Fprintf(&snapshots, "\n  dep%d@1.0.0:\n    dependencies:\n", k)
				for name := range dependencies(k+1, 4) {
					fmt.Fprintf(&snapshots, "      %s: 1.0.0\n", name)
				}
			}
			files := map[string]string{}
			if manager == workspace.NPM {
				text, err := json.Marshal(map[string]any{"lockfileVersion": 3, "packages": npm})
				if err != nil {
					b.Fatal(err)
				}
				ws.LockFile = "package-lock.json"
				files[ws.LockFile], files[npmInstalled] = string(text), string(text)
			} else {
				ws.LockFile = "pnpm-lock.yaml"
				text := "lockfileVersion: '9.0'\nimporters:\n" + importers.String() + "\npackages:\n" + bodies.String() + "\nsnapshots:\n" + snapshots.String()
				files[ws.LockFile], files[pnpmInstalled] = text, text+"\n# not the same text\n"
			}
			for name, text := range files {
				write(b, filepath.Join(ws.Root, name), text)
			}
			for _, keep := range []bool{false, true} {
				b.Run(fmt.Sprintf("kept=%v", keep), func(b *testing.B) {
					ask := func() {
						digests := fingerprint.Open(ws.Root, ".heapmage/cache", "digests")
						i := New(ws, digests, ".heapmage/cache", "installed")
						for _, pkg := range ws.Packages {
							if s := i.Of(pkg.Dir); s.Stale != "" || s.Whole != "" {
								b.Fatalf("%+v", s)
							}
						}
						if keep {
							if err := errors.Join(i.Save(), digests.Save()); err != nil {
								b.Fatal(err)
							}
						}
					}
					ask()
					for b.Loop() {
						ask()
					}
				})
			}
		})
	}
}
