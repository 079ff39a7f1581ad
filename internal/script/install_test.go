package script

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
			s := &Settings{ws: &workspace.Workspace{Root: root, Manager: tt.manager, Packages: []*workspace.Package{a}}}
			if got := s.missing(Present{Unfinished: tt.unfinished, Needed: s.ws.Packages}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := s.missing(Present{Finished: time.Now(), Needed: s.ws.Packages}); strings.Contains(got, "lacks") {
				t.Errorf("after an installation that left no mark: %q", got)
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
		" ERR_PNPM_LOCKFILE_CONFIG_MISMATCH  Cannot proceed with the frozen installation.":                              true,
		"npm error code ENOTFOUND": false,
	} {
		got := InstallAdvice(s, []byte(output))
		if want := "pnpm-lock.yaml does not fit package.json: run pnpm install --no-frozen-lockfile, and commit the file"; (got == want) != stale {
			t.Errorf("%q: %q", output, got)
		}
	}
}

func TestRenewal(t *testing.T) {
	for _, tt := range []struct {
		manager       workspace.Manager
		version, want string
	}{
		{workspace.NPM, "11.0.0", "npm install"},
		{workspace.PNPM, "10.0.0", "pnpm install --no-frozen-lockfile"},
		{workspace.Yarn, "1.22.22", "yarn install"},
		{workspace.Yarn, "4.1.0", "yarn install --no-immutable"},
		{workspace.Bun, "1.3.0", "bun install"},
	} {
		s := &Settings{ws: &workspace.Workspace{Manager: tt.manager, ManagerVersion: tt.version}}
		if got := s.renewal(); got != tt.want {
			t.Errorf("%s %s: %q", tt.manager, tt.version, got)
		}
	}
}

func TestInstall(t *testing.T) {
	const needs = `{"dependencies": {"a": "1"}}`
	for _, tt := range []struct {
		claim    string
		manager  workspace.Manager
		version  string
		lock     string
		manifest string
		pnp      bool
		there    string // what exists already
		want     string
		reason   string
	}{
		{"npm keeps to its lock file", workspace.NPM, "", "package-lock.json", needs, false, "", "npm ci", "node_modules is missing"},
		{"npm without a lock file installs", workspace.NPM, "", "", needs, false, "", "npm install", "node_modules is missing"},
		{"pnpm keeps to its lock file", workspace.PNPM, "9", "pnpm-lock.yaml", needs, false, "", "pnpm install --frozen-lockfile", "node_modules is missing"},
		{"yarn 1 keeps to its lock file", workspace.Yarn, "1", "yarn.lock", needs, false, "", "yarn install --frozen-lockfile", "node_modules is missing"},
		{"yarn 4 keeps to its lock file", workspace.Yarn, "4", "yarn.lock", needs, false, "", "yarn install --immutable", "node_modules is missing"},
		{"Plug'n'Play has a file instead", workspace.Yarn, "4", "yarn.lock", needs, true, "", "yarn install --immutable", ".pnp.cjs is missing"},
		{"Plug'n'Play that is there needs nothing", workspace.Yarn, "4", "yarn.lock", needs, true, ".pnp.cjs", "", ""},
		{"Plug'n'Play of yarn 1 has another file", workspace.Yarn, "1", "yarn.lock", needs, true, ".pnp.js", "", ""},
		{"what is installed stays", workspace.NPM, "", "package-lock.json", needs, false, "node_modules", "", ""},
		{"what depends on nothing needs nothing", workspace.NPM, "", "", `{"dependencies": {}}`, false, "", "", ""},
		{"a Go module needs nothing", workspace.Go, "", "", "", false, "", "", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s, err := world(t, tt.manager, tt.version, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.ws.LockFile, s.ws.PnP, s.ws.RootPackage.Manifest = tt.lock, tt.pnp, []byte(tt.manifest)
			if tt.there != "" {
				if err := os.Mkdir(filepath.Join(s.ws.Root, tt.there), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			step, reason, err := Install(s, Present{}, Options{Environ: os.Environ()})
			if err != nil || step.Command != tt.want || reason != tt.reason {
				t.Errorf("got %q because %q, %v", step.Command, reason, err)
			}
		})
	}
}

// Most repositories do not commit .pnp.cjs: in a fresh clone the install step of
// the run itself brings it.
func TestPlugNPlayThatTheInstallStepBroughtRunsThroughYarn(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "yarn"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := world(t, workspace.Yarn, "4.1.0", nil, "PATH="+bin+":"+os.Getenv("PATH"))
	if err != nil {
		t.Fatal(err)
	}
	run := func() string {
		steps, err := Steps(s, s.ws.RootPackage, "b", Options{Environ: []string{"PATH=" + bin}})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(steps[0].Args, " ")
	}
	if got := run(); got != "/bin/sh -c y" {
		t.Errorf("without Plug'n'Play: %q", got)
	}
	if err := os.WriteFile(filepath.Join(s.ws.Root, ".pnp.cjs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := run(), filepath.Join(bin, "yarn")+" run b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOwnFolders(t *testing.T) {
	got := ownFolders([]byte(`{"node_modules/a": {}, "packages/b/node_modules/c/node_modules/d": {}, "x": "say \"hi\"", "@s/e/node_modules/f": {"node_modules": 1}, "packages/b/node_modules"`))
	if len(got) != 2 || !got["packages/b"] || !got["@s/e"] {
		t.Errorf("got %v", got)
	}
}
