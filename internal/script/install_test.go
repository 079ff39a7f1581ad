package script

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/installstate"
	"github.com/heapmage/heapmage/internal/workspace"
)

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
			step, reason, err := Install(s, installstate.Known{}, Options{Environ: os.Environ()})
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
