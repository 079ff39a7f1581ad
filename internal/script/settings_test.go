package script

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// world writes files below a folder that is also the home, and returns the
// settings of a workspace there.
func world(t *testing.T, manager workspace.Manager, version string, files map[string]string, env ...string) (*Settings, error) {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "repo")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pnpm, err := pkgmanager.ReadSettings(root, pkgmanager.PNPMFile)
	if err != nil {
		t.Fatal(err)
	}
	ws := &workspace.Workspace{Root: root, Manager: manager, ManagerVersion: version, PNPM: pnpm}
	ws.RootPackage = &workspace.Package{Name: "root", Dir: ".", Path: root, Manifest: []byte("{}"),
		Scripts: map[string]string{"preb": "x", "b": "y", "postb": "z"}}
	ws.Packages = []*workspace.Package{ws.RootPackage}
	return ReadSettings(t.Context(), ws, append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}, env...), 16*memtools.GB, nil)
}

func TestReadSettings(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		manager workspace.Manager
		files   map[string]string
		env     []string
		options string
		limit   memtools.Bytes
		source  string
		merged  string
	}{
		{"nothing is set", workspace.NPM, nil, nil, "", 0, "", ""},
		{"the environment's limit is the user's", workspace.NPM, nil, []string{"NODE_OPTIONS=--max-old-space-size=2048"}, "--max-old-space-size=2048", 2 * memtools.GB, "NODE_OPTIONS", ""},
		{"the project's .npmrc is merged, and its limit goes before the environment's", workspace.NPM,
			map[string]string{"repo/.npmrc": "node-options=--max-old-space-size=4096 --no-warnings\n//x/:_authToken=secret"},
			[]string{"NODE_OPTIONS=--max-old-space-size=2048"},
			"--max-old-space-size=4096 --no-warnings", 4 * memtools.GB, ".npmrc", ".npmrc"},
		{"the project's goes before the user's", workspace.PNPM,
			map[string]string{".npmrc": "node-options=--title=user", "repo/.npmrc": `node-options="--title=project"`}, nil, "--title=project", 0, "", ".npmrc"},
		{"pnpm's own file goes before .npmrc", workspace.PNPM,
			map[string]string{"repo/.npmrc": "node-options=--title=rc", "repo/pnpm-workspace.yaml": "nodeOptions: --max-old-space-size=1024\n"}, nil,
			"--max-old-space-size=1024", memtools.GB, "pnpm-workspace.yaml", "pnpm-workspace.yaml"},
		{"yarn reads no .npmrc", workspace.Yarn, map[string]string{"repo/.npmrc": "node-options=--title=rc"}, nil, "", 0, "", ""},
		{"variables are filled in, comments left out", workspace.NPM,
			map[string]string{"repo/.npmrc": "# node-options=no\n; node-options=no\nnode-options=--title=${WHO}-x # why\n"}, []string{"WHO=me"}, "--title=me-x", 0, "", ".npmrc"},
		{"the last of several limits is the only one that is passed on", workspace.NPM, nil, []string{"NODE_OPTIONS=--max-old-space-size=1024 --no-warnings --max_old_space_size=2048"},
			"--max-old-space-size=2048 --no-warnings", 2 * memtools.GB, "NODE_OPTIONS", ""},
		{"a limit behind a word that is no option is not in force", workspace.NPM, nil, []string{"NODE_OPTIONS=node --max-old-space-size=4096 --no-warnings"},
			"node --no-warnings", 0, "", ""},
		{"nor is one that an env file has put in quotes", workspace.NPM, nil, []string{"NODE_OPTIONS='--max-old-space-size=4096'"}, "'--max-old-space-size=4096'", 0, "", ""},
		{"a word that is no option does not stop the options of .npmrc", workspace.NPM, map[string]string{"repo/.npmrc": "node-options=--no-warnings"},
			[]string{"NODE_OPTIONS=--trace-uncaught node --title=x"}, "--trace-uncaught --no-warnings node --title=x", 0, "", ".npmrc"},
		{"a line end from an env file is passed over", workspace.NPM, nil, []string{"NODE_OPTIONS=--max-old-space-size=4096\r\n"}, "--max-old-space-size=4096", 4 * memtools.GB, "NODE_OPTIONS", ""},
		{"a limit with its value apart is one", workspace.NPM, nil, []string{"NODE_OPTIONS=--max-old-space-size 4096 --no-warnings"}, "--max-old-space-size=4096 --no-warnings", 4 * memtools.GB, "NODE_OPTIONS", ""},
		{"what an outer heapmage preloads is not the user's", workspace.NPM, nil,
			[]string{"NODE_OPTIONS=--max-old-space-size=512 --require=/var/tmp/.heapmage-0/agent-0123456789ab.cjs --no-warnings"}, "--max-old-space-size=512 --no-warnings", 512 * memtools.MB, "NODE_OPTIONS", ""},
		{"a variable that is not set stays as written, as with npm", workspace.NPM,
			map[string]string{"repo/.npmrc": "node-options=--title=${NOBODY}${EMPTY}${MAYBE?}"}, []string{"EMPTY="}, "--title=${NOBODY}", 0, "", ".npmrc"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s, err := world(t, tt.manager, "", tt.files, tt.env...)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.NodeOptions(), " "); got != tt.options || s.UserHeapLimit != tt.limit || s.UserHeapSource != tt.source || s.MergedFrom != tt.merged {
				t.Errorf("options %q, limit %v of %q, merged from %q", got, s.UserHeapLimit, s.UserHeapSource, s.MergedFrom)
			}
		})
	}
	for value, what := range map[string]string{`"--a`: "cannot be read", "--max-old-space-size=4gb": `"--max-old-space-size=4gb" is not a number of megabytes, such as --max-old-space-size=4096`} {
		t.Run("a NODE_OPTIONS that node refuses is a problem: "+value, func(t *testing.T) {
			_, err := world(t, workspace.NPM, "", nil, "NODE_OPTIONS="+value)
			if p := (*problem.Error)(nil); !errors.As(err, &p) || p.Where != "NODE_OPTIONS" || !strings.Contains(p.What, what) || p.Hint == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWorkersKeepTheirLimitsIfTheLimitIsOurs(t *testing.T) {
	for _, tt := range []struct {
		claim string
		limit memtools.Bytes
		env   []string
		want  string
	}{
		{"ours", 700 * memtools.MB, nil, "700"},
		{"none of ours", 0, nil, ""},
		{"ours instead of the user's", 700 * memtools.MB, []string{"NODE_OPTIONS=--max-old-space-size=9000"}, ""},
		{"the user's", 0, []string{"NODE_OPTIONS=--max-old-space-size=500"}, ""},
		{"ours instead of an outer heapmage's", 700 * memtools.MB, []string{"NODE_OPTIONS=--max-old-space-size=900", "HEAPMAGE_WORKER_HEAP=900"}, "700"},
		{"an outer heapmage's", 0, []string{"NODE_OPTIONS=--max-old-space-size=900", "HEAPMAGE_WORKER_HEAP=900"}, "900"},
		{"ours instead of the user's inside of an outer heapmage", 700 * memtools.MB, []string{"NODE_OPTIONS=--max-old-space-size=500", "HEAPMAGE_WORKER_HEAP=900"}, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s, err := world(t, workspace.NPM, "", nil, tt.env...)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.base(s.nodeSettings, Options{Environ: tt.env, HeapLimit: tt.limit})["HEAPMAGE_WORKER_HEAP"]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHooksFollowTheManager(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		manager workspace.Manager
		version string
		files   map[string]string
		want    string
	}{
		{"npm runs them", workspace.NPM, "", nil, "preb b postb"},
		{"npm leaves them out with ignore-scripts", workspace.NPM, "", map[string]string{"repo/.npmrc": "ignore-scripts=true"}, "b"},
		{"pnpm runs them", workspace.PNPM, "9", nil, "preb b postb"},
		{"pnpm of an unknown version runs them", workspace.PNPM, "", nil, "preb b postb"},
		{"pnpm 8 does not", workspace.PNPM, "8.15.9", nil, "b"},
		{"pnpm 8 can be told to", workspace.PNPM, "8.15.9", map[string]string{"repo/.npmrc": "enable-pre-post-scripts=true"}, "preb b postb"},
		{"pnpm can be told not to", workspace.PNPM, "9", map[string]string{"repo/.npmrc": "enable-pre-post-scripts=false"}, "b"},
		{"yarn 1 runs them", workspace.Yarn, "1.22.22", nil, "preb b postb"},
		{"yarn 4 does not", workspace.Yarn, "4.1.0", nil, "b"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s, err := world(t, tt.manager, tt.version, tt.files)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := Steps(s, s.ws.RootPackage, "b", Options{})
			if err != nil {
				t.Fatal(err)
			}
			var events []string
			for _, step := range steps {
				events = append(events, step.event)
			}
			if got := strings.Join(events, " "); got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestTheVersionThatRunsDecides(t *testing.T) {
	const yaml = "scriptShell: from-yaml\n" // which pnpm 8 does not read
	for _, tt := range []struct {
		claim    string
		declared bool
		hooks    bool
		shell    string
	}{
		{"the one on PATH, if a lock file implies another", false, true, "from-yaml"},
		{"the declared one, which pnpm 10 runs in its place", true, false, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			bin := t.TempDir()
			for name, text := range map[string]string{"pnpm": "#!/bin/sh\n", "package.json": `{"name": "pnpm", "version": "10.21.0"}`} {
				if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			s, err := world(t, workspace.PNPM, "8.15.9", map[string]string{"repo/pnpm-workspace.yaml": yaml})
			if err != nil {
				t.Fatal(err)
			}
			s.ws.ManagerDeclared = tt.declared
			env := []string{"HOME=" + bin, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
			if s, err = ReadSettings(t.Context(), s.ws, env, 0, nil); err != nil {
				t.Fatal(err)
			}
			if s.hooks != tt.hooks || s.scriptShell != tt.shell {
				t.Errorf("hooks %v, shell %q", s.hooks, s.scriptShell)
			}
		})
	}
}

func TestPNPMHasItsSettingsWhereTheSystemKeepsThem(t *testing.T) {
	for _, tt := range []struct {
		system string
		env    []string
		want   string
	}{
		{"linux", []string{"HOME=/h"}, "/h/.config/pnpm"},
		{"linux", []string{"HOME=/h", "LOCALAPPDATA=/l"}, "/h/.config/pnpm"},
		{"darwin", []string{"HOME=/h"}, "/h/Library/Preferences/pnpm"},
		{"windows", []string{"USERPROFILE=/u", "LOCALAPPDATA=/l"}, "/l/pnpm/config"},
		{"windows", []string{"USERPROFILE=/u", "HOME=/h"}, "/u/.config/pnpm"},
		{"darwin", []string{"HOME=/h", "XDG_CONFIG_HOME=/x"}, "/x/pnpm"},
		{"windows", []string{"LOCALAPPDATA=/l", "XDG_CONFIG_HOME=/x"}, "/x/pnpm"},
		{"linux", nil, ""},
	} {
		if got := filepath.ToSlash(pnpmConfigDir(tt.env, tt.system)); got != tt.want {
			t.Errorf("%s, %q: %q, want %q", tt.system, tt.env, got, tt.want)
		}
	}
}

func TestAPNPMSettingOfTheWrongTypeIsAProblem(t *testing.T) {
	_, err := world(t, workspace.PNPM, "10.1.0", map[string]string{"repo/pnpm-workspace.yaml": "packages: []\nnodeOptions: [--title=x]\n"})
	if p := (*problem.Error)(nil); !errors.As(err, &p) || p.Where != "pnpm-workspace.yaml:2" || !strings.Contains(p.Hint, "nodeOptions") || strings.Contains(p.Error(), "!!") {
		t.Errorf("got %v", err)
	}
}

// The values are those that pnpm 8 to 12 were seen to give a script.
func TestEachPNPMHasItsPlacesOfSettings(t *testing.T) {
	const yaml = "scriptShell: from-yaml\nnodeOptions: --title=yaml\nenablePrePostScripts: false\n"
	rc := map[string]string{"repo/.npmrc": "script-shell=from-rc\nnode-options=--title=rc\nenable-pre-post-scripts=false\n"}
	for _, tt := range []struct {
		claim, version string
		files          map[string]string
		env            []string
		shell, options string
		hooks          bool
	}{
		{"9 reads .npmrc", "9.1.0", rc, nil, "from-rc", "--title=rc", false},
		{"9 reads its own rc", "9.1.0", map[string]string{".config/pnpm/rc": "script-shell=own\n"}, nil, "own", "", true},
		{"9 reads no settings of pnpm-workspace.yaml", "9.1.0", map[string]string{"repo/pnpm-workspace.yaml": yaml}, nil, "", "", true},
		{"9 reads npm's variables", "9.1.0", nil, []string{"NPM_CONFIG_SCRIPT_SHELL=env"}, "env", "", true},
		{"10 puts pnpm-workspace.yaml before npm's variables", "10.1.0", map[string]string{"repo/pnpm-workspace.yaml": yaml}, []string{"npm_config_script_shell=env"}, "from-yaml", "--title=yaml", false},
		{"10 reads no variables of pnpm's own", "10.1.0", nil, []string{"pnpm_config_script_shell=env"}, "", "", true},
		{"11 reads no .npmrc", "11.1.0", rc, nil, "", "", true},
		{"11 reads no variables of npm", "11.1.0", nil, []string{"npm_config_script_shell=env"}, "", "", true},
		{"11 puts its own variables before pnpm-workspace.yaml", "11.1.0", map[string]string{"repo/pnpm-workspace.yaml": yaml},
			[]string{"pnpm_config_script_shell=env", "PNPM_CONFIG_NODE_OPTIONS=--title=env"}, "env", "--title=env", false},
		{"11 reads the user's file, but no hooks there", "11.1.0", map[string]string{".config/pnpm/config.yaml": yaml}, nil, "from-yaml", "--title=yaml", true},
		{"12 reads the user's file", "12.1.0", map[string]string{".config/pnpm/config.yaml": yaml}, nil, "from-yaml", "--title=yaml", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s, err := world(t, workspace.PNPM, tt.version, tt.files, tt.env...)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.options.Words, " "); s.scriptShell != tt.shell || got != tt.options || s.hooks != tt.hooks {
				t.Errorf("shell %q, options %q, hooks %v", s.scriptShell, got, s.hooks)
			}
		})
	}
}

func TestWhatOnlyTheManagerCanRun(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		manager workspace.Manager
		version string
		files   map[string]string
		text    string
		want    bool
	}{
		{"yarn 4 expands **", workspace.Yarn, "4.1.0", nil, "rimraf dist/**/*.js", true},
		{"a ** in quotes is the program's", workspace.Yarn, "4.1.0", nil, "eslint 'src/**'", false},
		{"yarn 1 has sh", workspace.Yarn, "1.22.22", nil, "rimraf dist/**/*.js", false},
		{"pnpm copies what is injected", workspace.PNPM, "10.1.0", map[string]string{
			"repo/pnpm-workspace.yaml": "syncInjectedDepsAfterScripts: [b]\n", "repo/node_modules/.modules.yaml": `{"injectedDeps": {".": ["node_modules/.pnpm/x"]}}`}, "y", true},
		{"as .npmrc says it", workspace.PNPM, "9.1.0", map[string]string{
			"repo/.npmrc": "sync-injected-deps-after-scripts[]=b\n", "repo/node_modules/.modules.yaml": `{"injectedDeps": {".": ["node_modules/.pnpm/x"]}}`}, "y", true},
		{"not after another script", workspace.PNPM, "10.1.0", map[string]string{
			"repo/pnpm-workspace.yaml": "syncInjectedDepsAfterScripts: [c]\n", "repo/node_modules/.modules.yaml": `{"injectedDeps": {".": ["node_modules/.pnpm/x"]}}`}, "y", false},
		{"not a package that nothing has injected", workspace.PNPM, "10.1.0", map[string]string{
			"repo/pnpm-workspace.yaml": "syncInjectedDepsAfterScripts: [b]\n", "repo/node_modules/.modules.yaml": `{"injectedDeps": {"packages/x": ["node_modules/.pnpm/x"]}}`}, "y", false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s, err := world(t, tt.manager, tt.version, tt.files)
			if err != nil {
				t.Fatal(err)
			}
			s.ws.RootPackage.Scripts["b"] = tt.text
			if got := s.needsManager(s.ws.RootPackage, "b", nil); got != tt.want && os.PathSeparator == '/' {
				t.Errorf("got %v", got)
			}
		})
	}
}
