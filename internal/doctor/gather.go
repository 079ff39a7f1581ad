package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/scripttext"
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
	// HeapLimit is what a build would set for a Node process, to whose limit V8
	// adds young for its young generation.
	HeapLimit func(young memtools.Bytes) memtools.Bytes

	// Tests replace what starts processes; nil means the real thing.
	readSettings func(context.Context) (*script.Settings, error)
	collect      func(context.Context, *script.Settings) (freed memtools.Bytes, refused string, err error)
}

// Gather looks at a set-up. What it cannot find out is an error among the facts.
// ctx bounds the processes that it starts: Node, to ask for its version and to
// collect garbage in.
func Gather(ctx context.Context, s Setup) Facts {
	f := Facts{Limits: s.Limits, Budget: s.Budget, Kubernetes: environ.Value(s.Environ, environ.KubernetesHost) != ""}
	if err := rundir.Writable(s.Workspace.Root); err != nil {
		f.StateError = err.Error()
	}
	if s.Workspace.Manager == workspace.Go {
		return f
	}
	f.Overrides, f.MissingFiles = readScripts(s.Packages, s.Limits.Effective)
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

// built are folders whose files a build makes, so that they may be missing.
var built = regexp.MustCompile(`(?:^|/)(?:dist|build|lib|out|esm|cjs|node_modules|\.[\w-]+)/`)

// readScripts looks at the text of the packages' scripts: which set a heap limit
// themselves, and which start a file that does not exist. total is what a
// percentage in a heap limit is of.
func readScripts(packages []*workspace.Package, total memtools.Bytes) (overrides, missing []string) {
	for _, pkg := range packages {
		for name, text := range pkg.Scripts {
			if own := nodeoptions.OverrideIn(text, total); len(own.HeapLimits) > 0 {
				overrides = append(overrides, fmt.Sprintf("%s: the script %s sets %s itself", pkg.Name, name, own.Text))
			}
			for _, file := range scripttext.Entrypoints(text) {
				path := filepath.FromSlash(file)
				if !filepath.IsAbs(path) {
					path = filepath.Join(pkg.Path, path)
				}
				if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && !built.MatchString(file) {
					missing = append(missing, fmt.Sprintf("%s: %s, which the script %s starts,", pkg.Name, file, name))
				}
			}
		}
	}
	slices.Sort(overrides)
	slices.Sort(missing)
	return overrides, missing
}
