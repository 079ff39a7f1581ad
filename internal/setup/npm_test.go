package setup

import (
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

func TestCalledBy(t *testing.T) {
	for text, want := range map[string]bool{
		"run-p build:*": true, "npm-run-all 'build:**'": true, `concurrently "npm:build:*"`: true, `pnpm run "/^build:.*/"`: true,
		"run-s clean build:*-*": true, "nx run-many -t build*": true, "nx run-many --targets=lint,build*": true,
		"run-p test:*": false, "npm run build:js": false, "rm -rf build/*": false, "run-p prebuild:*": false, "tsc && echo '*'": false,
	} {
		if by := calledBy(map[string]string{"x": text}, "build:managed"); (by == "x") != want {
			t.Errorf("%s: got %q", text, by)
		}
	}
}

func TestReleased(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3-rc.1", "(devel)": "", "v0.0.0-20261127150405-625292d0f1a2": "",
		"v1.2.4-0.20261127150405-625292d0f1a2": "", "v1.2.3+dirty": "", "1.2.3": "", "": "",
	} {
		if got := released(version); got != want {
			t.Errorf("%s: got %q", version, got)
		}
	}
}

func TestPackageVersion(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, "node_modules/@heapmage/linux-x64/package.json", `{"name": "@heapmage/linux-x64", "version": "1.2.3"}`)
	testkit.Write(t, root, "app/package.json", `{"name": "app", "version": "2.0.0"}`)
	for dir, want := range map[string]string{
		"node_modules/@heapmage/linux-x64/bin": "1.2.3", "node_modules/@heapmage/linux-x64": "1.2.3", "app/bin": "", "nothing": "",
	} {
		if got := packageVersion(filepath.Join(root, dir)); got != want {
			t.Errorf("%s: got %q", dir, got)
		}
	}
}
