package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/doctor"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/heap"
	"github.com/heapmage/heapmage/internal/plan"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/rundir"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// Doctor looks at the set-up and prints what is wrong with it and how to mend
// it, as text or as JSON. The error has exit code 1 where something is.
func Doctor(ctx context.Context, asJSON bool) error {
	p, err := open("", event.Parallel)
	if err != nil {
		return err
	}
	findings := doctor.Examine(p.facts(ctx))
	if asJSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(findings); err != nil {
			return err
		}
	}
	problems := 0
	for _, f := range findings {
		if f.Level == doctor.Problem {
			problems++
		}
		if asJSON {
			continue
		}
		mark := map[doctor.Level]string{doctor.OK: "✅ ", doctor.Warning: "⚠️  ", doctor.Problem: "❌ "}[f.Level]
		fmt.Printf("%s%s: %s\n", mark, f.Check, f.What)
		if f.Level != doctor.OK {
			fmt.Printf("   %s\n💡 %s\n", f.Why, f.Do)
		}
	}
	if problems > 0 {
		return &problem.Error{What: fmt.Sprintf("%d of %d findings are problems", problems, len(findings)), Code: problem.ExitFailed}
	}
	return nil
}

// facts gathers what the doctor looks at.
func (p *place) facts(ctx context.Context) doctor.Facts {
	f := doctor.Facts{Limits: p.limits, Budget: p.maxBudget, Kubernetes: env(p.environ, "KUBERNETES_SERVICE_HOST") != ""}
	if err := rundir.Writable(p.ws.Root); err != nil {
		f.StateError = err.Error()
	}
	if p.ws.Manager == workspace.Go {
		return f
	}
	p.scriptFacts(&f)
	settings, err := script.ReadSettings(ctx, p.ws, p.environ, p.limits.Effective)
	if err != nil {
		what, _, _ := strings.Cut(err.Error(), "\n")
		if f.NodeError = what; strings.Contains(what, "NODE_OPTIONS") {
			f.NodeError, f.NodeOptionsError = "", what
		}
		return f
	}
	f.NodePath, f.NodeVersion, f.NodeMajor = settings.Node.Path, settings.Node.Version, settings.Node.Major
	f.NodeOptions, f.NodeOptionsFrom = settings.NodeOptions(), settings.MergedFrom
	f.UserHeapLimit, f.UserHeapSource = settings.UserHeapLimit, settings.UserHeapSource
	f.HeapLimit = heap.For(heap.Request{Budget: p.maxBudget, Young: settings.Node.YoungGeneration, Ceiling: p.heapCeiling()}).Size
	freed, refused, err := tryCollection(ctx, settings, script.Options{Environ: p.environ})
	switch {
	case refused != "":
		f.NodeOptionsError = refused
	case err != nil:
		f.GCError = err.Error()
	default:
		f.GCFreed = freed
	}
	return f
}

// garbage is a program that drops 32 MB and then never goes back to its event loop.
const garbage = `let dropped = []; for (let i = 0; i < 32; i++) dropped.push(new Array(131072).fill(1.5)); dropped = null;
require("fs").writeFileSync(process.argv[1], ""); const end = Date.now() + 20000; while (Date.now() < end);`

// tryCollection forces a collection in a real child. refused is what Node says
// where it does not accept its options.
func tryCollection(ctx context.Context, s *script.Settings, o script.Options) (freed memtools.Bytes, refused string, err error) {
	server, err := v8heap.Listen("")
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	o.NodeOptions, o.Extra = server.Options(), server.Env()
	ready := filepath.Join(server.Dir(), "ready")
	c := exec.CommandContext(ctx, s.Node.Path, "-e", garbage, ready)
	c.Env = s.NodeEnvironment(o)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		return 0, "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if c.ProcessState.ExitCode() == 9 { // "invalid argument", by Node's own documentation
				line, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
				return 0, line, nil
			}
			return 0, "", fmt.Errorf("the child ended: %w", err)
		case <-tick.C:
		}
		if _, err := os.Stat(ready); err == nil && len(server.Processes()) > 0 {
			break
		}
	}
	got, err := server.Collect(ctx, server.Processes()[0].PID)
	cancel()
	<-ended
	return got.Freed(), "", err
}

// built are folders whose files a build makes, so that they may be missing.
var built = regexp.MustCompile(`(?:^|/)(?:dist|build|lib|out|esm|cjs|node_modules|\.[\w-]+)/`)

// scriptFacts looks at the text of the packages' scripts.
func (p *place) scriptFacts(f *doctor.Facts) {
	for _, pkg := range plan.Packages(p.ws) {
		for name, text := range pkg.Scripts {
			if own, ok := script.OverrideIn(text, p.limits.Effective); ok && own.HeapLimit > 0 {
				f.Overrides = append(f.Overrides, fmt.Sprintf("%s: the script %s sets %s itself", pkg.Name, name, own.Text))
			}
			for _, file := range script.StartedIn(text) {
				path := filepath.FromSlash(file)
				if !filepath.IsAbs(path) {
					path = filepath.Join(pkg.Path, path)
				}
				if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && !built.MatchString(file) {
					f.MissingFiles = append(f.MissingFiles, fmt.Sprintf("%s: %s, which the script %s starts,", pkg.Name, file, name))
				}
			}
		}
	}
	slices.Sort(f.Overrides)
	slices.Sort(f.MissingFiles)
}
