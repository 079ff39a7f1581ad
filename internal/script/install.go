package script

import (
	"regexp"
	"strings"

	"github.com/heapmage/heapmage/internal/installstate"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Install returns the step that installs the workspace's dependencies, and the
// reason for it; without a reason nothing has to be done. If there is a lock file,
// the manager installs what it lists and does not change it.
func Install(s *Settings, known installstate.Known, o Options) (step Step, reason string, err error) {
	if reason = s.installation().Missing(known); reason == "" {
		return Step{}, "", nil
	}
	args, err := s.managerCommand()
	if err != nil {
		return Step{}, "", err
	}
	shown := []string{string(s.ws.Manager)}
	flags := InstallArgs(s.ws)
	o.HeapLimit = 0
	return Step{
		event: "install", Command: strings.Join(append(shown, flags...), " "),
		Args: append(args, flags...), Dir: s.ws.Root, Env: s.plain(packageSettings{nodeSettings: s.nodeSettings}, o),
	}, reason, nil
}

// installation is what the manager left in the workspace.
func (s *Settings) installation() installstate.Installation { return installstate.Of(s.ws, s.version) }

// InstallArgs are the manager's arguments that install a workspace's dependencies. If there is a
// lock file, they install what it lists and do not change it.
func InstallArgs(ws *workspace.Workspace) []string {
	locked := ws.LockFile != ""
	switch {
	case ws.Manager == workspace.NPM && locked:
		return []string{"ci"}
	case !locked, ws.Manager == workspace.NPM:
		return []string{"install"}
	case ws.Berry():
		return []string{"install", "--immutable"}
	default: // pnpm, yarn 1, bun
		return []string{"install", "--frozen-lockfile"}
	}
}

// staleLock is how the managers say that their lock file does not fit package.json.
var staleLock = regexp.MustCompile("can only install packages when your package.json and" +
	`|ERR_PNPM_(?:OUTDATED_LOCKFILE|LOCKFILE_CONFIG_MISMATCH)|lockfile needs to be updated|YN0028|lockfile would have been (?:modified|created)|lockfile had changes, but lockfile is frozen`)

// InstallAdvice is what to do about an installation that failed, given the end of its
// output.
func InstallAdvice(s *Settings, output []byte) string {
	if s.ws.LockFile != "" && staleLock.Match(output) {
		return s.ws.LockFile + " does not fit package.json: run " + s.renewal() + ", and commit the file"
	}
	return "run it by hand in that folder and fix what it reports"
}

// renewal is the command that brings the lock file up to date, also in CI, where pnpm and
// yarn 2 and newer keep to it unless they are told otherwise.
func (s *Settings) renewal() string {
	command := string(s.ws.Manager) + " install"
	switch {
	case s.ws.Manager == workspace.PNPM:
		command += " --no-frozen-lockfile"
	case s.ws.Berry():
		command += " --no-immutable"
	}
	return command
}
