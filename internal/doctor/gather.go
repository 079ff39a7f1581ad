package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// Setup is what the doctor looks at.
type Setup struct {
	Workspace *workspace.Workspace
	// Packages are the packages whose scripts are read.
	Packages []*workspace.Package
	Environ  []string
	Limits   memtools.Limits
	Budget   memtools.Bytes
	// MoreRoom tells how to get so much memory for a build.
	MoreRoom func(want memtools.Bytes) string
	// HeapLimit is what a build would set for a Node process, to whose limit V8
	// adds young for its young generation.
	HeapLimit func(young memtools.Bytes) memtools.Bytes
	// Runs reports whether a target runs a script of a package. Nil means that all are run.
	Runs func(pkg *workspace.Package, script string) bool

	// Tests replace what starts processes; nil means the real thing.
	readSettings func(context.Context) (*script.Settings, error)
	collect      func(context.Context, *script.Settings) (freed memtools.Bytes, refused string, err error)
}

// Gather looks at a set-up. What it cannot find out is an error among the facts.
// ctx bounds the processes that it starts: Node, to ask for its version and to
// collect garbage in.
func Gather(ctx context.Context, s Setup) Facts {
	f := Facts{Limits: s.Limits, Budget: s.Budget, Kubernetes: environ.Value(s.Environ, environ.KubernetesHost) != ""}
	if s.MoreRoom != nil && s.Limits.Available < leastFree {
		f.MoreRoom = s.MoreRoom(leastFree)
	}
	if err := rundir.Writable(s.Workspace.Root); err != nil {
		f.StateError = err.Error()
		if link := (*fs.PathError)(nil); errors.As(err, &link) && errors.Is(err, confined.ErrLink) {
			f.StateLink = link.Path
		}
	}
	if s.Workspace.Manager == workspace.Go {
		return f
	}
	f.Overrides, f.MissingFiles = readScripts(s.Packages, s.Limits.Effective, s.Runs)
	settings, err := s.settings(ctx)
	if err != nil {
		what, _, _ := strings.Cut(err.Error(), "\n")
		if strings.Contains(what, "NODE_OPTIONS") {
			f.NodeOptionsError = what
		} else {
			f.NodeError = what
		}
		return f
	}
	f.NodePath, f.NodeVersion, f.NodeMajor = settings.Node.Path, settings.Node.Version, settings.Node.Major
	f.NodeOptions, f.NodeOptionsFrom = settings.NodeOptions(), settings.MergedFrom
	if settings.DeadSource != "" {
		f.NodeOptionsDead = fmt.Sprintf("%q in %s", settings.DeadWord, settings.DeadSource)
	}
	f.Manager = managerOf(s.Workspace, settings)
	f.Engines = enginesOf(s.Workspace, s.Packages, settings)
	f.UserHeapLimit, f.UserHeapSource = settings.UserHeapLimit, settings.UserHeapSource
	f.HeapLimit = s.HeapLimit(settings.Node.YoungGeneration)
	if settings.Node.Path == "" {
		return f // a Bun workspace without Node
	}
	freed, refused, err := s.collection(ctx, settings)
	switch {
	case refused != "":
		f.NodeOptionsError = refused
	case errors.Is(err, errors.ErrUnsupported):
		f.GCUnsupported = true
	case err != nil:
		f.GCError = err.Error()
	default:
		f.GCFreed = freed
	}
	return f
}

func (s Setup) settings(ctx context.Context) (*script.Settings, error) {
	if s.readSettings != nil {
		return s.readSettings(ctx)
	}
	return script.ReadSettings(ctx, s.Workspace, s.Environ, s.Limits.Effective, nil)
}

func (s Setup) collection(ctx context.Context, settings *script.Settings) (freed memtools.Bytes, refused string, err error) {
	if s.collect != nil {
		return s.collect(ctx, settings)
	}
	return tryCollection(ctx, settings, script.Options{Environ: s.Environ})
}
