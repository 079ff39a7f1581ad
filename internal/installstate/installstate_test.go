package installstate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/workspace"
)

// bunLock lists what always has a place, what other systems have, and what comes from elsewhere.
const bunLock = `{"lockfileVersion": 1, "packages": {
 "a": ["a@workspace:packages/a"], "x": ["x@1.0.0", "", {}, "sha512-x"], "@s/y": ["@s/y@1.0.0", "", {"dependencies": {"x": "2"}}, "sha512-y"], "@s/y/x": ["x@2.0.0", "", {}, "sha512-z"],
 "mac": ["mac@1.0.0", "", {"os": "darwin"}, "sha512-m"], "git": ["git@github:o/git#1234", {}, "o-git-1234", "sha512-g"], "x/in": ["in@1.0.0", "", {"bundled": true}, "sha512-i"], // the end
}}`

func TestWhatIsMissing(t *testing.T) {
	began := time.Now().Add(-time.Hour)
	for _, tt := range []struct {
		claim      string
		manager    workspace.Manager
		files      map[string]string
		unfinished time.Time
		want       string
	}{
		{"folders that tools make there are no dependencies", workspace.NPM, map[string]string{"node_modules/.cache/x": ""}, time.Time{}, "node_modules is missing"},
		{"a folder without packages may be there on purpose", workspace.NPM, map[string]string{"node_modules/.keep": ""}, time.Time{}, ""},
		{"what an installation left that did not end", workspace.NPM, map[string]string{"node_modules/x/y": ""}, began, "the last installation was not finished"},
		{"unless one by hand ended later", workspace.NPM, map[string]string{"node_modules/.package-lock.json": ""}, began, ""},
		{"not if that one was earlier", workspace.NPM, map[string]string{"node_modules/.package-lock.json": ""}, time.Now().Add(time.Hour), "the last installation was not finished"},
		{"what an installation by hand left that did not end", workspace.NPM, map[string]string{"node_modules/x/y": ""}, time.Time{}, "node_modules lacks .package-lock.json, which npm writes last"},
		{"under pnpm", workspace.PNPM, map[string]string{"node_modules/.pnpm/x": ""}, time.Time{}, "node_modules lacks .modules.yaml, which pnpm writes last"},
		{"under yarn 1", workspace.Yarn, map[string]string{"node_modules/x/y": ""}, time.Time{}, "node_modules lacks .yarn-integrity, which yarn writes last"},
		{"what another manager installed", workspace.NPM, map[string]string{"node_modules/x/y": "", "node_modules/.yarn-integrity": ""}, time.Time{}, ""},
		{"what Bun installed, which leaves no mark", workspace.Bun, map[string]string{"node_modules/x/y": ""}, time.Time{}, ""},
		{"what Bun left that was interrupted", workspace.Bun, map[string]string{"bun.lock": bunLock, "node_modules/x/package.json": "", "node_modules/@s/y/z": ""}, time.Time{}, "node_modules lacks @s/y@1.0.0, which bun.lock lists"},
		{"what its isolated linker left", workspace.Bun, map[string]string{"bun.lock": bunLock, "node_modules/.bun/x@1.0.0/node_modules/x/package.json": "", "node_modules/.bun/x@2.0.0+1f/node_modules/x/package.json": "",
			"node_modules/.bun/@s+y@1.0.0/node_modules/@s/z": ""}, time.Time{}, "node_modules lacks @s/y@1.0.0, which bun.lock lists"},
		{"what Bun installed whole", workspace.Bun, map[string]string{"bun.lock": bunLock, "node_modules/x/package.json": "", "node_modules/@s/y/package.json": ""}, time.Time{}, ""},
		{"and what its isolated linker did", workspace.Bun, map[string]string{"bun.lock": bunLock, "node_modules/.bun/x@1.0.0/node_modules/x/package.json": "", "node_modules/.bun/x@2.0.0+1f/node_modules/x/package.json": "",
			"node_modules/.bun/@s+y@1.0.0/node_modules/@s/y/package.json": "", "packages/a/node_modules/x": ""}, time.Time{}, ""},
		{"a member's folder under npm", workspace.NPM, map[string]string{"node_modules/.package-lock.json": `{"packages": {"packages/a/node_modules/x": {}}}`}, time.Time{}, "packages/a/node_modules is missing"},
		{"a member's folder under npm that is there", workspace.NPM, map[string]string{"node_modules/.package-lock.json": `{"packages": {"packages/a/node_modules/x": {}}}`, "packages/a/node_modules/x/y": ""}, time.Time{}, ""},
		{"a member's folder under yarn 1", workspace.Yarn, map[string]string{"node_modules/.yarn-integrity": `{"modulesFolders": ["node_modules", "packages/a/node_modules"]}`}, time.Time{}, "packages/a/node_modules is missing"},
		{"a member's folder under Bun", workspace.Bun, map[string]string{"node_modules/.bun/x": ""}, time.Time{}, "packages/a/node_modules is missing"},
		{"a member's folder under pnpm", workspace.PNPM, map[string]string{"node_modules/.modules.yaml": `{"nodeLinker": "isolated"}`}, time.Time{}, "packages/a/node_modules is missing"},
		{"a member's folder that is there", workspace.PNPM, map[string]string{"node_modules/.modules.yaml": "{}", "packages/a/node_modules/x": ""}, time.Time{}, ""},
		{"with all dependencies in the root", workspace.PNPM, map[string]string{"node_modules/.modules.yaml": `{"nodeLinker": "hoisted"}`}, time.Time{}, ""},
		{"without the kind that the member has", workspace.PNPM, map[string]string{"node_modules/.modules.yaml": `{"included": {"devDependencies": false}}`}, time.Time{}, ""},
		{"members of npm need no folder", workspace.NPM, map[string]string{"node_modules/.package-lock.json": ""}, time.Time{}, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range tt.files {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			a := &workspace.Package{Dir: "packages/a", Path: filepath.Join(root, "packages", "a"), Manifest: []byte(`{"devDependencies": {"x": "1"}}`)}
			i := Of(&workspace.Workspace{Root: root, Manager: tt.manager, Packages: []*workspace.Package{a}}, "")
			if got := i.Missing(Known{Unfinished: tt.unfinished, Needed: i.ws.Packages}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := i.Missing(Known{Finished: time.Now(), Needed: i.ws.Packages}); strings.Contains(got, "lacks") {
				t.Errorf("after an installation that left no mark: %q", got)
			}
		})
	}
}

func TestOwnFolders(t *testing.T) {
	got := ownFolders([]byte(`{"node_modules/a": {}, "packages/b/node_modules/c/node_modules/d": {}, "x": "say \"hi\"", "@s/e/node_modules/f": {"node_modules": 1}, "packages/b/node_modules"`))
	if len(got) != 2 || !got["packages/b"] || !got["@s/e"] {
		t.Errorf("got %v", got)
	}
}
