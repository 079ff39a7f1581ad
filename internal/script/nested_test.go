package script

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/workspace"
)

// odd has all that a manager, a shell or Node could take for something else, and reference
// what npm and pnpm fill in. A pnpm that is started by pnpm fills it in all the same.
const (
	odd       = `--title=a "b" \c $HOME $(x) %PATH% 'q' #x ;y`
	reference = ` ${HOME} \${HOME}`
)

// A script calls its manager, which reads the setting again. What Node then gets is what a
// plain script gets.
func TestOursHoldInAManagerInsideAScript(t *testing.T) {
	const title = "--title=user --no-warnings"
	all := installedManagers(t)
	for _, m := range managers {
		t.Run(strings.TrimSpace(m.name+" "+m.major), func(t *testing.T) {
			for claim, files := range map[string]map[string]string{
				".npmrc sets it":               {".npmrc": "node-options=" + title},
				"pnpm-workspace.yaml sets it":  {"pnpm-workspace.yaml": "packages: ['packages/*']\nverifyDepsBeforeRun: false\nnodeOptions: " + title + "\n"},
				"the package's .npmrc sets it": {"packages/a/.npmrc": "node-options=" + title},
				".env.yarn sets it":            {".env.yarn": "NODE_OPTIONS=" + title},
				"the package's .env.yarn":      {".env.yarn": "NODE_OPTIONS=--title=root", "packages/a/.env.yarn": "NODE_OPTIONS=" + title},
				"so with Plug'n'Play":          {".env.yarn": "NODE_OPTIONS=" + title, ".yarnrc.yml": "enableTelemetry: false\n"},
				"injectEnvironmentFiles":       {"x.env": "NODE_OPTIONS=" + title, ".yarnrc.yml": "nodeLinker: node-modules\nenableTelemetry: false\ninjectEnvironmentFiles: [x.env]\n"},
			} {
				switch yarns := files[".env.yarn"]+files["x.env"] != ""; {
				case m.name != "pnpm" && files[".npmrc"] == "" && !yarns, m.name+m.major != "yarn4" && yarns:
					continue // it has no such setting
				}
				t.Run(claim, func(t *testing.T) {
					m := &manager{t: t, name: m.name, major: m.major, all: all}
					m.open(map[string]string{"outer": "node show.js outer && " + m.name + " run inner", "inner": "node show.js inner"}, files)
					m.write("packages/a/show.js", `console.log("= " + process.argv[2] + " " + JSON.stringify([process.execArgv, process.env.NODE_OPTIONS, require("v8").getHeapStatistics().heap_size_limit]))`)
					for _, runner := range []bool{false, true} {
						ours := odd
						if !runner {
							ours += reference
						}
						lines := shown(m.oursWith("outer", Options{PackageManager: runner, HeapLimit: 333 << 20, NodeOptions: []string{ours}}, "NODE_OPTIONS=--trace-uncaught"))
						if lines["outer"] == "" || lines["outer"] != lines["inner"] {
							t.Errorf("by the manager %v:\nouter %s\ninner %s", runner, lines["outer"], lines["inner"])
						}
						obeyed := files[".env.yarn"]+files["x.env"] != "" || files["packages/a/.npmrc"] != "" && (m.major == "9" || m.name+m.major == "pnpm10")
						if obeyed && !strings.Contains(lines["inner"], title) {
							t.Errorf("by the manager %v: %s has not the user's", runner, lines["inner"])
						}
						if want, _ := json.Marshal(nodeoptions.User{Words: []string{ours, "--trace-uncaught"}}.Text(nil, 333<<20)); !strings.Contains(lines["inner"], strings.Trim(string(want), `"`)) {
							t.Errorf("by the manager %v: %s has no %s", runner, lines["inner"], want)
						}
					}
				})
			}
		})
	}
}

// shown are the lines of show.js by its argument.
func shown(text string) map[string]string {
	lines := map[string]string{}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "= "); ok {
			name, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
			lines[name] = value
		}
	}
	return lines
}

// The setting of another manager than the workspace's counts for that one inside a script.
func TestOneVariableOfTheSettingIsLeft(t *testing.T) {
	for _, tt := range []struct {
		claim   string
		manager workspace.Manager
		version string
		files   map[string]string
		env     []string
		want    string
	}{
		{"none without a setting", workspace.NPM, "", nil, []string{"NODE_OPTIONS=--no-warnings"}, ""},
		{"none if it is empty", workspace.NPM, "", map[string]string{"repo/.npmrc": "node-options=\n"}, nil, ""},
		{"npm's in a workspace of yarn", workspace.Yarn, "1.22.22", map[string]string{"repo/.npmrc": "node-options=--title=x"}, []string{"NODE_OPTIONS=--no-warnings"},
			"npm_config_node_options=--max-old-space-size=500 --no-warnings --title=x"},
		{"also of yarn 4", workspace.Yarn, "4.1.0", map[string]string{"repo/.npmrc": "node-options=--title=x"}, nil, "npm_config_node_options=--max-old-space-size=500 --title=x"},
		{"the limit of the user is replaced", workspace.NPM, "", map[string]string{"repo/.npmrc": "node-options=--max_old_space_size=9000 --title=x"}, nil,
			"npm_config_node_options=--max-old-space-size=500 --title=x"},
		{"no other spelling counts beside it", workspace.NPM, "", nil, []string{"NPM_CONFIG_NODE_OPTIONS=--title=x", "npm_config_node-options=--title=x"},
			"npm_config_node_options=--max-old-space-size=500 --title=x"},
		{"pnpm's in capital letters", workspace.PNPM, "11.1.0", nil, []string{"PNPM_CONFIG_NODE_OPTIONS=--title=x"}, "pnpm_config_node_options=--max-old-space-size=500 --title=x"},
		{"what Node refuses there is left as it is", workspace.Yarn, "1.22.22", map[string]string{"repo/.npmrc": `node-options=--title="x`}, nil, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			s, err := world(t, tt.manager, tt.version, tt.files, tt.env...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, entry := range s.plain(packageSettings{nodeSettings: s.nodeSettings}, Options{Environ: tt.env, HeapLimit: 500 << 20}) {
				if name, _, _ := strings.Cut(entry, "="); strings.HasSuffix(strings.ReplaceAll(strings.ToLower(name), "-", "_"), "config_node_options") {
					got = append(got, entry)
				}
			}
			if strings.Join(got, "\n") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func (m manager) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.root, name), []byte(text), 0o644); err != nil {
		m.t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
}
