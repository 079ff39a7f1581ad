package inspect

import (
	"context"
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
)

// cacheHere is the cache of the workspace around the working folder.
func cacheHere() (*cache.Store, error) {
	ws, err := workspaceHere()
	if err != nil {
		return nil, err
	}
	return cache.In(ws.Root), nil
}

// CacheStats prints what is in the cache of results.
func CacheStats(ctx context.Context) error {
	store, err := cacheHere()
	if err != nil {
		return err
	}
	s, err := store.Stats(ctx)
	if err != nil {
		return &problem.Error{What: "the cache cannot be read", Cause: err, Code: problem.ExitFailed}
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error {
		fmt.Fprintf(out, "🗄️  %s of %s, %v\n", report.Plural(s.Entries, "result"), report.Plural(s.Tasks, "task"), s.Bytes)
		if s.Entries > 0 {
			const day = "2006-01-02 15:04"
			fmt.Fprintf(out, "   last used between %s and %s\n", s.Oldest.Format(day), s.Newest.Format(day))
		}
		return nil
	})
}

// CachePrune removes what was not used for longest, until the cache has its usual size.
func CachePrune(ctx context.Context) error {
	store, err := cacheHere()
	if err != nil {
		return err
	}
	gone, err := store.Prune(ctx, 0)
	if err != nil {
		return &problem.Error{What: "the cache cannot be pruned", Cause: err, Code: problem.ExitFailed}
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error {
		fmt.Fprintf(out, "🗄️  %s removed, %v\n", report.Plural(gone.Entries, "result"), gone.Bytes)
		return nil
	})
}

// CacheVerify reads all results, and removes those that are damaged.
func CacheVerify(ctx context.Context) error {
	store, err := cacheHere()
	if err != nil {
		return err
	}
	checked, faults, err := store.Check(ctx)
	if err != nil {
		return &problem.Error{What: "the cache cannot be read", Cause: err, Code: problem.ExitFailed}
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error {
		for _, f := range faults {
			fmt.Fprintf(out, "🗑️  %s: %s\n", printable.Name(f.Task), printable.Text(f.Miss.Error()))
		}
		fmt.Fprintf(out, "🗄️  %s verified, %d damaged and removed\n", report.Plural(checked, "result"), len(faults))
		return nil
	})
}
