package script

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// findManager finds the manager's program and version, for $npm_execpath and the
// user agent. If it is not installed, scripts that call it fail as they would
// without heapmage.
func (s *Settings) findManager(env []string) {
	s.version = s.ws.ManagerVersion
	if path := checkedInYarn(s.ws); path != "" {
		s.execPath = path
		return
	}
	path, err := lookPath(string(s.ws.Manager), env)
	if err != nil {
		return
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	s.execPath = path
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		text := folder.Read(dir, "package.json")
		if text == nil {
			continue
		}
		var manifest struct{ Version string }
		if json.Unmarshal(text, &manifest) == nil && manifest.Version != "" {
			s.version = manifest.Version
		}
		return
	}
}

// checkedInYarn is the yarnPath of yarn 2 and newer, empty if there is none.
func checkedInYarn(ws *workspace.Workspace) string {
	if !ws.Berry() {
		return ""
	}
	var rc struct {
		YarnPath string `yaml:"yarnPath"`
	}
	if yaml.Unmarshal(folder.Read(ws.Root, ".yarnrc.yml"), &rc) != nil || rc.YarnPath == "" {
		return ""
	}
	return filepath.Join(ws.Root, rc.YarnPath)
}

// managerDir is the manager's folder: the program is …/npm/bin/npm-cli.js.
func (s *Settings) managerDir() string { return filepath.Dir(filepath.Dir(s.execPath)) }

// managerCommand is how the manager is started: directly if it is installed, else
// with corepack, else with npx, which fetches the declared version.
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
