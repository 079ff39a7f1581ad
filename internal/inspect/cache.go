package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/heapmage/heapmage/internal/cache"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/printable"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/report"
	"github.com/heapmage/heapmage/internal/signature"
	"github.com/heapmage/heapmage/memtools"
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
		fmt.Fprintf(out, "🗄️  %s of %s, %v\n", printable.Count(s.Entries, "result"), printable.Count(s.Tasks, "task"), s.Bytes)
		if s.Entries > 0 {
			const day = "2006-01-02 15:04"
			fmt.Fprintf(out, "   last used between %s and %s\n", s.Oldest.Format(day), s.Newest.Format(day))
		}
		return nil
	})
}

// CachePrune removes what was not used for longest, until the cache has a size such as "2GB", or the
// usual one if that is empty.
func CachePrune(ctx context.Context, size string) error {
	store, err := cacheHere()
	if err != nil {
		return err
	}
	most, err := memtools.ParseBytes(cmp.Or(size, cache.DefaultMost.Short()))
	if err != nil {
		return &problem.Error{Where: "-size=" + size, What: "is no size", Hint: "write what may stay, such as 2GB"}
	}
	gone, err := store.Prune(ctx, most)
	if err != nil {
		return &problem.Error{What: "the cache cannot be pruned", Cause: err, Code: problem.ExitFailed}
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error {
		fmt.Fprintf(out, "🗄️  %s removed, %v\n", printable.Count(gone.Entries, "result"), gone.Bytes)
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
		fmt.Fprintf(out, "🗄️  %s verified, %d damaged and removed\n", printable.Count(checked, "result"), len(faults))
		return nil
	})
}

// CacheKeygen makes a pair of keys for the shared cache. Without a file both are printed; with one the secret
// key is written to it, which must not exist.
func CacheKeygen(ctx context.Context, file string) error {
	secret, err := signature.Generate()
	if err != nil {
		return &problem.Error{What: "no key can be made", Cause: err, Code: problem.ExitFailed}
	}
	if file != "" {
		if err := writeSecret(file, secret.Text()); err != nil {
			return &problem.Error{Where: file, What: "the secret key cannot be written", Cause: err, Hint: "name a new file in a folder that can be written"}
		}
	}
	return report.Print(ctx, os.Environ(), func(out *report.Console) error {
		fmt.Fprintf(out, "🔑 Public key, for heapmage.yaml, under cache: keys:\n%v\n", secret.Public())
		if file != "" {
			fmt.Fprintf(out, "🔒 The secret key is in %s\n", printable.Name(file))
			return nil
		}
		fmt.Fprintf(out, "🔒 Secret key, for a secret of the CI system called %s, which only jobs of the default branch get:\n%s\n", environ.CacheSigningKey, secret.Text())
		return nil
	})
}

// writeSecret writes a new file that only its owner can read.
func writeSecret(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text + "\n")
	return errors.Join(err, file.Close())
}
