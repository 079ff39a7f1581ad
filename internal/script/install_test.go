package script

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/workspace"
)

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
		{"an empty folder is somebody's wish", workspace.NPM, map[string]string{"node_modules/.keep": ""}, time.Time{}, ""},
		{"what an installation left that did not end", workspace.NPM, map[string]string{"node_modules/x/y": ""}, began, "the last installation was not finished"},
		{"unless one by hand ended later", workspace.NPM, map[string]string{"node_modules/.package-lock.json": ""}, began, ""},
		{"not if that one was earlier", workspace.NPM, map[string]string{"node_modules/.package-lock.json": ""}, time.Now().Add(time.Hour), "the last installation was not finished"},
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
			s := &Settings{ws: &workspace.Workspace{Root: root, Manager: tt.manager, Packages: []*workspace.Package{a}}}
			if got := s.missing(Present{Unfinished: tt.unfinished, Needed: s.ws.Packages}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAStaleLockFileIsNamed(t *testing.T) {
	s := &Settings{ws: &workspace.Workspace{Manager: workspace.PNPM, LockFile: "pnpm-lock.yaml"}}
	for output, stale := range map[string]bool{
		"npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync":         true,
		" ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\" because pnpm-lock.yaml is not up to date": true,
		"error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.":                           true,
		"➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.":             true,
		"error: lockfile had changes, but lockfile is frozen":                                                           true,
		"npm error code ENOTFOUND": false,
	} {
		got := InstallAdvice(s, []byte(output))
		if want := "pnpm-lock.yaml does not fit package.json: run pnpm install, and commit the file"; (got == want) != stale {
			t.Errorf("%q: %q", output, got)
		}
	}
}
