package script

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// Settings are the package manager's settings on scripts, and where its program
// is. They are read once a run.
type Settings struct {
	// Node is the Node.js that scripts run with; zero in a Go workspace.
	Node Node
	// UserHeapLimit is the old-space limit that the user set for every Node
	// process, zero if there is none; UserHeapSource is where it is set.
	UserHeapLimit  memtools.Bytes
	UserHeapSource string
	// DeadWord is the first word of NODE_OPTIONS or of the settings file's node options
	// that is no option, so that Node reads nothing behind it.
	// DeadSource is where it stands; empty if there is none.
	DeadWord   string
	DeadSource string
	// MergedFrom names the settings file whose node options are merged with those
	// of the environment; empty if there is none.
	MergedFrom string

	ws          *workspace.Workspace
	nodeOptions []string // the user's, without heap limits, in the order for NODE_OPTIONS
	dead        []string // of nodeOptions: the words that Node does not read
	scriptShell string
	hooks       bool   // pre and post scripts run
	execPath    string // the manager's own program, as $npm_execpath has it
	version     string // the manager's version
}

// ReadSettings reads the settings of a workspace: the .npmrc of the project and of
// the user, pnpm-workspace.yaml, and NODE_OPTIONS. total is the memory that a heap
// limit in percent is of. ctx bounds the start of node, which is asked for its
// version. Every error is a *problem.Error.
func ReadSettings(ctx context.Context, ws *workspace.Workspace, env []string, total memtools.Bytes) (*Settings, error) {
	s := &Settings{ws: ws, hooks: runsHooks(ws)}
	if ws.Manager == workspace.Go {
		return s, nil
	}
	var err error
	if s.Node, err = findNode(ctx, env); err != nil {
		return nil, err
	}
	s.findManager(env)
	fromEnvironment, err := splitNodeOptions(environ.Value(env, environ.NodeOptions))
	if err != nil {
		return nil, &problem.Error{Where: environ.NodeOptions, What: "cannot be read", Cause: err, Hint: "node itself refuses it: fix the quotes"}
	}
	file, text, err := s.readFiles(env)
	if err != nil {
		return nil, err
	}
	fromFile, err := splitNodeOptions(text)
	if err != nil {
		return nil, &problem.Error{Where: file, What: "its node options cannot be read", Cause: err, Hint: "node itself refuses them: fix the quotes"}
	}
	s.take(environ.NodeOptions, fromEnvironment, total)
	if len(fromFile) > 0 {
		s.take(file, fromFile, total) // the later heap limit counts, as for the manager
		s.MergedFrom = file
	}
	s.nodeOptions = append(s.nodeOptions, s.dead...)
	return s, nil
}

// take takes over node options from one place: what Node reads of them.
func (s *Settings) take(source string, options []string, total memtools.Bytes) {
	read, dead := live(slices.DeleteFunc(options, v8heap.IsPreload)) // of an outer heapmage: ours takes its place
	if limit, ok := heapLimitOf(read, total); ok {
		s.UserHeapLimit, s.UserHeapSource = limit, source
	}
	if len(dead) > 0 && s.DeadSource == "" {
		s.DeadWord, s.DeadSource = dead[0], source
	}
	s.nodeOptions = append(s.nodeOptions, withoutHeapLimit(read)...)
	s.dead = append(s.dead, withoutHeapLimit(dead)...)
}

// runsHooks tells whether the manager runs pre and post scripts by default: yarn 2
// and newer do not, nor do pnpm 6 to 8 (pnpm/pnpm#2891, #7634).
func runsHooks(ws *workspace.Workspace) bool {
	return !ws.Berry() && !(ws.Manager == workspace.PNPM && ws.Major() >= 6 && ws.Major() <= 8)
}

// readFiles reads the settings files and returns the node options among them.
func (s *Settings) readFiles(env []string) (file, nodeOptions string, err error) {
	home := environ.Value(env, environ.Home)
	if home == "" {
		home = environ.Value(env, environ.UserProfile)
	}
	for _, f := range []struct{ name, path string }{ // the later one counts
		{"~/.npmrc", filepath.Join(home, ".npmrc")},
		{".npmrc", filepath.Join(s.ws.Root, ".npmrc")},
	} {
		if home == "" && f.name == "~/.npmrc" || s.ws.Manager == workspace.Yarn {
			continue // not there, or not read by this manager
		}
		text, err := folder.ReadFile(f.path)
		if errors.Is(err, folder.ErrNotFile) || errors.Is(err, folder.ErrTooLarge) {
			return "", "", &problem.Error{Where: f.name, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
		}
		if err != nil {
			continue // not there, or not readable
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
	text := folder.Read(s.ws.Root, name)
	var y struct {
		NodeOptions          string `yaml:"nodeOptions"`
		ScriptShell          string `yaml:"scriptShell"`
		EnablePrePostScripts string `yaml:"enablePrePostScripts"`
	}
	if err := yaml.Unmarshal(text, &y); err != nil {
		return "", "", &problem.Error{Where: name, What: "its settings cannot be read", Cause: errors.New(strings.TrimPrefix(err.Error(), "yaml: ")), Hint: "fix nodeOptions, scriptShell or enablePrePostScripts"}
	}
	if y.NodeOptions != "" {
		file, nodeOptions = name, y.NodeOptions
	}
	s.apply(y.ScriptShell, y.EnablePrePostScripts, "")
	return file, nodeOptions, nil
}

// apply takes over what is set; an empty text is not.
func (s *Settings) apply(shell, hooks, ignore string) {
	if shell != "" {
		s.scriptShell = shell
	}
	if s.ws.Manager == workspace.PNPM && hooks != "" {
		s.hooks = hooks == "true"
	}
	if s.ws.Manager == workspace.NPM && ignore != "" {
		s.hooks = ignore != "true" // npm run then leaves out only the hooks
	}
}

// NodeOptions returns the options that the user set for Node processes, as Node gets them
// if heapmage adds none.
func (s *Settings) NodeOptions() []string { return s.withOurs(nil, 0) }

// withOurs returns the options for a Node process: ours first, where no word of the user
// can stop them, with the one heap limit. A limit of zero is the user's.
func (s *Settings) withOurs(ours []string, limit memtools.Bytes) []string {
	limit = cmp.Or(limit, s.UserHeapLimit)
	var all []string
	if limit > 0 {
		all = append(all, heapFlag(limit))
	}
	return slices.Concat(all, ours, s.nodeOptions)
}

// NodeEnvironment returns the environment for a Node process of the workspace that
// is not a script.
func (s *Settings) NodeEnvironment(o Options) []string { return s.plain(o) }
