package script

import (
	"cmp"
	"context"
	"slices"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/managerprogram"
	"github.com/heapmage/heapmage/internal/npmconfig"
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
func ReadSettings(ctx context.Context, ws *workspace.Workspace, env []string, total memtools.Bytes) (*Settings, error) {
	s := &Settings{ws: ws}
	if ws.Manager == workspace.Go {
		return s, nil
	}
	var err error
	if s.Node, err = findNode(ctx, env); err != nil && !s.runsWithoutNode(env) {
		return nil, err
	}
	s.findManager(env)
	s.hooks = s.runsHooks()
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
	dead := s.take(environ.NodeOptions, fromEnvironment, total)
	if len(fromFile) > 0 {
		dead = append(dead, s.take(file, fromFile, total)...) // the later heap limit counts, as for the manager
		s.MergedFrom = file
	}
	s.nodeOptions = append(s.nodeOptions, dead...)
	return s, nil
}

// take takes over node options from one place: what Node reads of them. It returns the
// words that Node does not read.
func (s *Settings) take(source string, options []string, total memtools.Bytes) (dead []string) {
	read, dead := live(slices.DeleteFunc(options, v8heap.IsPreload)) // of an outer heapmage: ours takes its place
	if limit, ok := heapLimitOf(read, total); ok {
		s.UserHeapLimit, s.UserHeapSource = limit, source
	}
	if len(dead) > 0 && s.DeadSource == "" {
		s.DeadWord, s.DeadSource = dead[0], source
	}
	s.nodeOptions = append(s.nodeOptions, withoutHeapLimit(read)...)
	return withoutHeapLimit(dead)
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
