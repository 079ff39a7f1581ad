package setup

import (
	"cmp"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/packagejson"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/workspace"
)

// The actions of the workflow, each at the commit of a release: a tag could be moved.
const (
	checkout  = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
	setupGo   = "actions/setup-go@44694675825211faa026b3c33043df3e48a5fa00 # v6.0.0"
	setupNode = "actions/setup-node@a0853c24544627f65ddf259abe73b1d18a591444 # v5.0.0"
	setupPNPM = "pnpm/action-setup@0ebf47130e4866e96fce0953f49152a61190b271 # v6.0.9"
	setupBun  = "oven-sh/setup-bun@0c5077e51419868618aeaa5fe8019c62421857d6 # v2.2.0"
)

// workflow is what decides the text of a workflow for GitHub Actions.
type workflow struct {
	way    way
	build  string // the command that builds
	ws     *workspace.Workspace
	dir    string // the workspace in the repository, with slashes; empty if it is all of it
	branch string // the one that others are merged into; empty if it is not known
	node   string // the file that has the version of Node; empty if none has
}

// text is the workflow. The manager comes before Node, whose action asks it where its cache is.
func (w workflow) text() []byte {
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	// step is an action with its inputs: names and values in turns.
	step := func(action string, inputs ...string) {
		line("      - uses: " + action)
		for i := 0; i < len(inputs); i += 2 {
			if i == 0 {
				line("        with:")
			}
			line("          " + inputs[i] + ": " + inputs[i+1])
		}
	}
	run := func(command string) { line("      - run: " + command) }
	at := func(file string) string { return scalar(path.Join(w.dir, file)) }

	line("name: heapmage\non:")
	if line("  push:"); w.branch != "" {
		line("    branches: [" + scalar(w.branch) + "]")
	}
	line("  pull_request:\npermissions:\n  contents: read\njobs:\n  build:\n    runs-on: ubuntu-latest")
	if w.dir != "" {
		line("    defaults:\n      run:\n        working-directory: " + scalar(w.dir))
	}
	line("    steps:")
	step(checkout, "persist-credentials", "false")
	if w.way == withGo {
		inputs := []string{"go-version-file", at("go.mod")}
		if w.dir != "" {
			inputs = append(inputs, "cache-dependency-path", at("go.sum"))
		}
		step(setupGo, inputs...)
	}
	if w.ws.Manager == workspace.Go {
		run(w.build)
		return []byte(b.String())
	}
	switch {
	case w.ws.Manager == workspace.PNPM && !w.ws.ManagerDeclared:
		version := cmp.Or(w.ws.ManagerVersion, "latest")
		if version == "9" { // by the format of the lock file, which newer ones write, too
			version = "10" // it reads the settings of both
		}
		step(setupPNPM, "version", strconv.Quote(version))
	case w.ws.Manager == workspace.PNPM && w.dir != "":
		step(setupPNPM, "package_json_file", at("package.json"))
	case w.ws.Manager == workspace.PNPM:
		step(setupPNPM)
	case w.ws.Manager == workspace.Bun && w.ws.ManagerDeclared:
		step(setupBun, "bun-version-file", at("package.json"))
	case w.ws.Manager == workspace.Bun:
		step(setupBun)
	case w.ws.Berry() && w.ws.YarnFile == "":
		run("corepack enable")
	}
	step(setupNode, w.nodeInputs(at)...)
	if w.way == withNPM { // with Go heapmage installs what is missing
		run(strings.Join(append([]string{string(w.ws.Manager)}, script.InstallArgs(w.ws)...), " "))
	}
	run(w.build)
	return []byte(b.String())
}

// managers are how people have a package manager run a program of a dependency, and a script.
var managers = map[workspace.Manager]struct{ exec, script string }{
	workspace.NPM:  {exec: "npx", script: "npm run"},
	workspace.PNPM: {exec: "pnpm exec", script: "pnpm"},
	workspace.Yarn: {exec: "yarn", script: "yarn"},
	workspace.Bun:  {exec: "bunx", script: "bun run"},
}

// nodeInputs are those of the action that sets up Node. Without a lock file it cannot keep what the
// manager has loaded, and by itself it would try.
func (w workflow) nodeInputs(at func(string) string) []string {
	inputs := []string{"node-version", "lts/*"}
	if w.node != "" {
		inputs = []string{"node-version-file", at(w.node)}
	}
	switch {
	case w.ws.Manager == workspace.Bun: // the action knows no cache of bun
	case w.ws.LockFile == "":
		inputs = append(inputs, "package-manager-cache", "false")
	default:
		inputs = append(inputs, "cache", string(w.ws.Manager))
		if w.dir != "" {
			inputs = append(inputs, "cache-dependency-path", at(w.ws.LockFile))
		}
	}
	return inputs
}

var toolVersion = regexp.MustCompile(`(?m)^\s*(?:nodejs|node)\s+\S`)

// nodeFile is the file of a workspace's root that tells actions/setup-node the version of Node.
func nodeFile(root string) string {
	for _, name := range []string{".nvmrc", ".node-version"} {
		if folder.HasFile(root, name) {
			return name
		}
	}
	if toolVersion.Match(folder.Read(root, ".tool-versions")) {
		return ".tool-versions"
	}
	own, _ := packagejson.ParseLoose(folder.Read(root, "package.json"))
	for _, field := range []string{"volta", "engines"} {
		var of map[string]json.RawMessage
		if own != nil && own.Decode(field, &of) && of["node"] != nil {
			return "package.json"
		}
	}
	return ""
}

var plainScalar = regexp.MustCompile(`^[A-Za-z.][A-Za-z0-9_./-]*$`)

// scalar is a text in YAML, in quotes if it could be taken for something else.
func scalar(text string) string {
	word := slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, strings.ToLower(text))
	if plainScalar.MatchString(text) && !word {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
