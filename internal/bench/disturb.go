package main

import (
	"context"
	"flag"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/bench/chaos"
	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/guarded"
)

// disturb carries out random plans of package chaos.
func disturb(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	where := command.PlaceFlags(flags)
	o, err := chaos.Parse(flags, args)
	if err != nil {
		return err
	}
	root, binary, err := where.Find(ctx)
	if err != nil {
		return err
	}
	o.Dir, o.Binary = filepath.Join(root, "chaos"), binary
	return chaos.Run(ctx, o)
}

// guard runs other runners with and without the guard, as package guarded does.
func guard(ctx context.Context, rounds int, args []string) error {
	flags := flag.NewFlagSet("guard", flag.ContinueOnError)
	where := command.PlaceFlags(flags)
	o, err := guarded.Parse(flags, rounds, args)
	if err != nil {
		return err
	}
	root, binary, err := where.Find(ctx)
	if err != nil {
		return err
	}
	o.Dir, o.Binary = filepath.Join(root, "guarded"), binary
	return guarded.Run(ctx, o)
}
