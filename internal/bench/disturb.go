package main

import (
	"context"
	"flag"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/bench/chaos"
)

// disturb carries out random plans of package chaos.
func disturb(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	where := placeFlags(flags)
	o, err := chaos.Parse(flags, args)
	if err != nil {
		return err
	}
	root, binary, err := where.find(ctx)
	if err != nil {
		return err
	}
	o.Dir, o.Binary = filepath.Join(root, "chaos"), binary
	return chaos.Run(ctx, o)
}
