package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/bench/chaos"
	"github.com/heapmage/heapmage/memtools"
)

// disturb carries out random plans of package chaos.
func disturb(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	minutes := flags.Float64("minutes", 5, "when to start no further plan")
	seed := flags.Uint64("seed", uint64(time.Now().Unix()), "the first plan; the next ones are seed+1 and so on")
	plans := flags.Int("plans", 0, "how many plans to carry out, instead of -minutes")
	rate := flags.String("rate", "300MB", "growth a second from which kills by the kernel are only counted")
	without := flags.String("without", "", "kinds of fault to leave out, with commas")
	cache := flags.String("cache", "", "`folder` for the workspaces (default heapmage-bench in the user's cache folder)")
	binary := flags.String("binary", "", "compiled targets of heapmage (default: compiled from this checkout)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *minutes <= 0 || *plans < 0 || flags.NArg() > 0 {
		return fmt.Errorf("chaos needs -minutes above 0, no negative -plans, and nothing after its flags: %q", args)
	}
	o := chaos.Options{Seed: *seed, Plans: *plans, Time: time.Duration(*minutes * float64(time.Minute)), Out: os.Stdout}
	for name := range strings.SplitSeq(*without, ",") {
		if kind := chaos.Kind(name); slices.Contains(chaos.Kinds, kind) {
			o.Without = append(o.Without, kind)
		} else if name != "" {
			return fmt.Errorf("-without: unknown kind of fault %q; there are %v", name, chaos.Kinds)
		}
	}
	var err error
	if o.Rate, err = memtools.ParseBytes(*rate); err != nil {
		return fmt.Errorf("-rate: %w", err)
	}
	root, err := cacheFolder(*cache)
	if err != nil {
		return err
	}
	o.Dir = filepath.Join(root, "chaos")
	if o.Binary, err = heapmageBinary(ctx, *binary, root); err != nil {
		return err
	}
	return chaos.Run(ctx, o)
}
