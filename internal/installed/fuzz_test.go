package installed

import (
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/workspace"
)

// FuzzReaders: no text makes a reader panic, and each has an answer for every package.
func FuzzReaders(f *testing.F) {
	for _, a := range samples(f) {
		var lock, installed []byte
		for _, file := range a.Files {
			if isLock(file.Name) {
				lock = file.Data
			} else if filepath.Base(file.Name) != "package.json" {
				installed = file.Data
			}
		}
		f.Add(lock, installed)
	}
	f.Add([]byte("{}"), []byte(`{"packages":{"node_modules/a":null,"":{}}}`))
	f.Add([]byte("packages: {a: null, 'b@1': {resolution: null}}\nimporters: {.: null}\nsnapshots: {a@1: null}"), []byte("snapshots: {'a@1': }"))
	f.Add([]byte(`{"packages":{"a":[],"b":["b@1",null,"x"]}}`), []byte(``))
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, lock, installed []byte) {
		for name, text := range map[string][]byte{
			"package-lock.json": lock, "pnpm-lock.yaml": lock, "yarn.lock": lock, "bun.lock": lock,
			npmInstalled: installed, pnpmInstalled: installed, yarnInstalled: installed, berryState: installed, pnpFile: installed,
		} {
			write(t, filepath.Join(root, name), string(text))
		}
		for _, ws := range []workspace.Workspace{
			{Manager: workspace.NPM, LockFile: "package-lock.json"}, {Manager: workspace.PNPM, LockFile: "pnpm-lock.yaml"},
			{Manager: workspace.Yarn, LockFile: "yarn.lock"}, {Manager: workspace.Yarn, ManagerVersion: "4.0.0", LockFile: "yarn.lock"},
			{Manager: workspace.Bun, LockFile: "bun.lock"},
		} {
			ws.Root = root
			ws.RootPackage = &workspace.Package{Name: "root", Dir: ".", Path: root, Manifest: []byte(`{"dependencies":{"chalk":"2"}}`)}
			ws.Packages = []*workspace.Package{{Name: "a", Dir: "packages/a", Manifest: []byte("no JSON")}}
			i := New(&ws, fingerprint.Open(root, ".heapmage/cache", "digests"), ".heapmage/cache", "installed")
			for _, dir := range []string{".", "packages/a"} {
				if s := i.Of(dir); s.Digest == (fingerprint.Digest{}) && s.Stale == "" {
					t.Errorf("%s: no answer for %s", ws.Manager, dir)
				}
			}
		}
		_, _ = parsePnP(lock, installed)
		patchedName(string(lock))
		packageFolder(string(lock))
	})
}
