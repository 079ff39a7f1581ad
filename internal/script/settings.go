package script

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Settings are what the workspace's package manager is told about scripts, and
// where it lies. They are read once a run.
type Settings struct {
	// Node is the Node.js that scripts run with; zero in a Go workspace.
	Node Node
	// UserHeapLimit is the old-space limit that the user set for every Node
	// process, and UserHeapSource where; zero where there is none.
	UserHeapLimit  memtools.Bytes
	UserHeapSource string
	// MergedFrom names the settings file whose node options are merged with those
	// of the environment; empty where there is none.
	MergedFrom string

	ws          *workspace.Workspace
	nodeOptions []string
	scriptShell string
	hooks       bool   // whether pre and post scripts run
	execPath    string // the manager's own program, as $npm_execpath has it
	version     string // the manager's version
}

// ReadSettings reads the settings of a workspace: .npmrc of the project and of
// the user, pnpm-workspace.yaml, and NODE_OPTIONS. total is the memory that a
// percentage in a heap limit is of. Every error is a *problem.Error.
func ReadSettings(ctx context.Context, ws *workspace.Workspace, env []string, total memtools.Bytes) (*Settings, error) {
	s := &Settings{ws: ws, hooks: runsHooks(ws)}
	if ws.Manager == workspace.Go {
		return s, nil
	}
	var err error
	if s.Node, err = FindNode(ctx, env); err != nil {
		return nil, err
	}
	s.findManager(env)
	fromEnvironment, err := splitNodeOptions(environ.Value(env, environ.NodeOptions))
	if err != nil {
		return nil, &problem.Error{Where: environ.NodeOptions, What: "cannot be read", Cause: err, Hint: "node itself refuses it: mend the quotes"}
	}
	file, text, err := s.readFiles(env)
	if err != nil {
		return nil, err
	}
	fromFile, err := splitNodeOptions(text)
	if err != nil {
		return nil, &problem.Error{Where: file, What: "its node options cannot be read", Cause: err, Hint: "node itself refuses them: mend the quotes"}
	}
	s.nodeOptions = append(fromEnvironment, fromFile...)
	if len(fromFile) > 0 {
		s.MergedFrom = file
	}
	for _, from := range []struct {
		name    string
		options []string
	}{{environ.NodeOptions, fromEnvironment}, {file, fromFile}} { // the later wins, as under the manager
		if limit, ok := heapLimitOf(from.options, total); ok {
			s.UserHeapLimit, s.UserHeapSource = limit, from.name
		}
	}
	return s, nil
}

// runsHooks tells whether the manager runs pre and post scripts where nothing is
// set: yarn 2 and newer do not, nor do pnpm 6 to 8 (pnpm/pnpm#2891, #7634).
func runsHooks(ws *workspace.Workspace) bool {
	return !ws.Berry() && !(ws.Manager == workspace.PNPM && ws.Major() >= 6 && ws.Major() <= 8)
}

// readFiles reads the settings files and returns the node options among them.
func (s *Settings) readFiles(env []string) (file, nodeOptions string, err error) {
	home := environ.Value(env, environ.Home)
	if home == "" {
		home = environ.Value(env, environ.UserProfile)
	}
	for _, f := range []struct{ name, path string }{ // the later wins
		{"~/.npmrc", filepath.Join(home, ".npmrc")},
		{".npmrc", filepath.Join(s.ws.Root, ".npmrc")},
	} {
		text, err := os.ReadFile(f.path)
		if err != nil || home == "" && f.name == "~/.npmrc" || s.ws.Manager == workspace.Yarn {
			continue // not there, not ours to read, or not read by this manager
		}
		rc := parseNpmrc(text, env)
		if v, ok := rc["node-options"]; ok {
			file, nodeOptions = f.name, v
		}
		s.apply(rc["script-shell"], rc["enable-pre-post-scripts"], rc["ignore-scripts"])
	}
	if v := environ.Value(env, environ.NPMNodeOptions); v != "" && s.ws.Manager != workspace.Yarn {
		file, nodeOptions = environ.NPMNodeOptions, v
	}
	if s.ws.Manager != workspace.PNPM {
		return file, nodeOptions, nil
	}
	const name = "pnpm-workspace.yaml"
	text, err := os.ReadFile(filepath.Join(s.ws.Root, name))
	if err != nil {
		return file, nodeOptions, nil
	}
	var y struct {
		NodeOptions          string `yaml:"nodeOptions"`
		ScriptShell          string `yaml:"scriptShell"`
		EnablePrePostScripts string `yaml:"enablePrePostScripts"`
	}
	if err := yaml.Unmarshal(text, &y); err != nil {
		return "", "", &problem.Error{Where: name, What: "its settings cannot be read", Cause: errors.New(strings.TrimPrefix(err.Error(), "yaml: ")), Hint: "mend nodeOptions, scriptShell or enablePrePostScripts"}
	}
	if y.NodeOptions != "" {
		file, nodeOptions = name, y.NodeOptions
	}
	s.apply(y.ScriptShell, y.EnablePrePostScripts, "")
	return file, nodeOptions, nil
}

func (s *Settings) apply(shell, hooks, ignore string) {
	if shell != "" {
		s.scriptShell = shell
	}
	if s.ws.Manager == workspace.PNPM && hooks != "" {
		s.hooks = hooks == "true"
	}
	if s.ws.Manager == workspace.NPM && ignore != "" {
		s.hooks = ignore != "true" // npm run then leaves out the hooks only
	}
}

var variable = regexp.MustCompile(`\$\{([^}]+)\}`)

// parseNpmrc reads the few settings of an .npmrc that touch scripts. Nothing
// else of it is kept: it may hold secrets.
func parseNpmrc(text []byte, env []string) map[string]string {
	rc := map[string]string{}
	for line := range bytes.Lines(text) {
		l := strings.TrimSpace(string(line))
		if l == "" || l[0] == ';' || l[0] == '#' || l[0] == '[' {
			continue
		}
		key, v, _ := strings.Cut(l, "=")
		key, v = strings.TrimSpace(key), strings.TrimSpace(v)
		switch key {
		case "node-options", "script-shell", "enable-pre-post-scripts", "ignore-scripts":
		default:
			continue
		}
		if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
			v = v[1 : len(v)-1]
		} else if at := strings.IndexAny(v, ";#"); at >= 0 {
			v = strings.TrimSpace(v[:at])
		}
		rc[key] = variable.ReplaceAllStringFunc(v, func(m string) string {
			name, optional := strings.CutSuffix(m[2:len(m)-1], "?")
			if v, set := environ.Lookup(env, name); set || optional {
				return v
			}
			return m // as npm leaves it
		})
	}
	return rc
}

// findManager finds the manager's own program and version, for $npm_execpath
// and the user agent. Where it is not installed, scripts that ask for it fail
// as they would without it.
func (s *Settings) findManager(env []string) {
	s.version = s.ws.ManagerVersion
	if s.ws.Berry() {
		if text, err := os.ReadFile(filepath.Join(s.ws.Root, ".yarnrc.yml")); err == nil {
			var rc struct {
				YarnPath string `yaml:"yarnPath"`
			}
			if yaml.Unmarshal(text, &rc) == nil && rc.YarnPath != "" {
				s.execPath = filepath.Join(s.ws.Root, rc.YarnPath)
				return
			}
		}
	}
	path, err := lookPath(string(s.ws.Manager), env)
	if err != nil {
		return
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	s.execPath = path
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "package.json"))
		if err != nil {
			continue
		}
		if m := regexp.MustCompile(`"version"\s*:\s*"([^"]+)"`).FindSubmatch(text); m != nil {
			s.version = string(m[1])
		}
		return
	}
}

// managerCommand is how the manager is started: itself where it is installed,
// else by corepack, else by npx, which fetches the declared version.
func (s *Settings) managerCommand(env []string) ([]string, error) {
	name := string(s.ws.Manager)
	if s.ws.Berry() && strings.HasSuffix(s.execPath, "js") {
		return []string{s.Node.Path, s.execPath}, nil
	}
	if path, err := lookPath(name, env); err == nil {
		return []string{path}, nil
	}
	if path, err := lookPath("corepack", env); err == nil && s.ws.Manager != workspace.Bun {
		return []string{path, name}, nil
	}
	npx, err := lookPath("npx", env)
	if err != nil {
		return nil, &problem.Error{Where: s.ws.ManagerFrom, What: fmt.Sprintf("it wants %s, which is not installed", name), Cause: exec.ErrNotFound, Hint: "install " + name + ", or run: corepack enable"}
	}
	spec := name
	switch {
	case s.ws.Berry():
		spec = "@yarnpkg/cli-dist"
	case s.ws.ManagerVersion != "":
		spec += "@" + s.ws.ManagerVersion
	}
	return []string{npx, "--yes", spec}, nil
}

// NodeOptions are the options that Node processes get, heapmage's own aside.
func (s *Settings) NodeOptions() []string { return slices.Clone(s.nodeOptions) }

// NodeEnvironment is what a Node process of the workspace sees that is no script.
func (s *Settings) NodeEnvironment(o Options) []string { return s.plain(o) }
