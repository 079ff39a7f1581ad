package script

import (
	"context"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/managerprogram"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/npmconfig"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Settings are the package manager's settings on scripts, and where its program
// is. They are read once a run.
type Settings struct {
	// Node is the Node.js that scripts run with; zero in a Go workspace.
	Node Node
	// Manager is the workspace's package manager; zero in a Go workspace.
	Manager Manager
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

	ws *workspace.Workspace
	nodeSettings
	packages    map[string]packageSettings // of packages that have some, by their folder
	scriptShell string
	hooks       bool     // pre and post scripts run
	emulated    bool     // pnpm runs scripts in its own shell
	syncAfter   []string // the scripts after which pnpm copies injected packages anew
	config      *npmconfig.Config
	program     managerprogram.Program
	programErr  error  // why program is not known
	version     string // the manager's version
}

// ReadSettings reads the settings of a workspace: those of npm from wherever npm reads
// them, pnpm-workspace.yaml, and NODE_OPTIONS. total is the memory that a heap
// limit in percent is of. ctx bounds the start of node, which is asked for its
// version. Every error is a *problem.Error.
func ReadSettings(ctx context.Context, ws *workspace.Workspace, env []string, total memtools.Bytes, answers *fingerprint.Notes) (*Settings, error) {
	s := &Settings{ws: ws}
	if ws.Manager == workspace.Go {
		return s, nil
	}
	var err error
	if s.Node, err = findNode(ctx, env, answers, total); err != nil && !s.runsWithoutNode(env) {
		return nil, err
	}
	s.findManager(env)
	s.hooks = s.runsHooks()
	file, err := s.readFiles(env)
	if err != nil {
		return nil, err
	}
	texts := nodeTexts{total: total, variable: nodeoptions.Text{From: environ.NodeOptions, Value: environ.Value(env, environ.NodeOptions)}, file: file}
	if s.nodeSettings, err = s.readNode(texts, s.config); err != nil {
		return nil, err
	}
	s.UserHeapLimit, s.UserHeapSource = s.options.Limit, s.options.LimitFrom
	s.DeadWord, s.DeadSource = s.options.DeadWord, s.options.DeadFrom
	if file.Value != "" {
		s.MergedFrom = file.From
	}
	return s, s.readPackages(texts, env)
}

// NoSettings are those of a workspace of which none can be read.
func NoSettings(ws *workspace.Workspace) *Settings { return &Settings{ws: ws} }

// NodeOptions returns the options that the user set for Node processes, as Node gets them
// if heapmage adds none.
func (s *Settings) NodeOptions() []string { return s.options.With(nil, s.UserHeapLimit) }

// NodeEnvironment returns the environment for a Node process of the workspace that
// is not a script.
func (s *Settings) NodeEnvironment(o Options) []string {
	return s.plain(packageSettings{nodeSettings: s.nodeSettings}, o)
}
