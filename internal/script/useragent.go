package script

import (
	"runtime"
	"strconv"

	"github.com/heapmage/heapmage/internal/workspace"
)

// userAgent is the manager's, such as
// "npm/10.9.2 node/v22.23.1 linux x64 workspaces/false".
func (s *Settings) userAgent(pkg *workspace.Package) string {
	agent := string(s.ws.Manager) + "/" + s.version
	if s.version == "" {
		agent = string(s.ws.Manager) + "/?"
	}
	if s.ws.Manager != workspace.NPM {
		agent += " npm/?"
	}
	if node := s.Node.Version; node == "" || s.ws.Manager == workspace.PNPM && s.major() >= 12 {
		agent += " node/?"
	} else {
		agent += " node/v" + node
	}
	agent += " " + platform() + " " + architecture()
	if s.ws.Manager == workspace.NPM {
		agent += " workspaces/" + strconv.FormatBool(pkg.Dir != ".")
	}
	return agent
}

// platform is Node's name of this system.
func platform() string {
	if runtime.GOOS == "windows" {
		return "win32"
	}
	return runtime.GOOS
}

// architecture is Node's name of this processor.
func architecture() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x64"
	case "386":
		return "ia32"
	}
	return runtime.GOARCH
}
