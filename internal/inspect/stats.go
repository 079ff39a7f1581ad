// Package inspect is the targets that look at memory and at what is known of it, and run no
// task.
package inspect

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/heapmage/heapmage/internal/budget"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/memtools"
)

// Stats prints the memory of this machine and its limits, the usage of this
// process, and what each mode may use.
func Stats(ctx context.Context) error {
	l, err := memtools.ReadLimits()
	if err != nil {
		return err
	}
	c, err := configHere()
	if err != nil {
		return err
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error { return printStats(out, l, c) })
}

func printStats(out io.Writer, l memtools.Limits, c *config.Config) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "💾 Memory of this machine\t%v\n", l.Machine)
	fmt.Fprintf(w, "   swap\t%v\n", l.Swap)
	fmt.Fprintf(w, "   limit that counts\t%v\t%s\n", l.Effective, l.EffectiveSource)
	fmt.Fprintf(w, "   available now\t%v\n", l.Available)
	if l.CPUQuota > 0 {
		fmt.Fprintf(w, "   processor quota\t%.2f cores\n", l.CPUQuota)
	}
	fmt.Fprintf(w, "🔧 This process\t%s\n", memtools.FormatUsage())
	for _, m := range []struct {
		name string
		mode event.Mode
	}{{"build", event.Parallel}, {"build:managed", event.Managed}, {"build:safe", event.Safe}} {
		most, source := budget.Max(m.mode, budget.Setting{Size: c.Budget, Variable: c.BudgetVariable}, l)
		fmt.Fprintf(w, "📦 Budget of %s\t%v\t%s\n", m.name, most, source)
	}
	return w.Flush()
}

// configHere is the configuration of the workspace around the working folder.
// Outside of a workspace nothing is configured.
func configHere() (*config.Config, error) {
	ws, err := workspaceHere()
	if err != nil {
		return &config.Config{}, nil //nolint:nilerr // it is outside of a workspace
	}
	return config.Load(ws.Root, os.Environ())
}
