package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/environ"
)

// observed builds twelve packages with tsc from nothing, with results kept and without, in
// pairs: what observing and storing take. The history stays, the cache does not.
func observed(ctx context.Context, pairs int, args []string) error {
	flags := flag.NewFlagSet("observed", flag.ContinueOnError)
	where := command.PlaceFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, binary, err := where.Find(ctx)
	if err != nil {
		return err
	}
	k := keeper{dir: filepath.Join(root, "observed"), contender: contender{command: []string{binary, "build"}}}
	if k.Known, err = fixture.GenerateKnown(ctx, k.dir, "", fixture.Compiled); err != nil {
		return err
	}
	build := func(name, cache string) side {
		k := k
		k.env = []string{environ.Cache + "=" + cache}
		return side{name, func() (spent, error) {
			if err := k.removeOutputs(); err != nil {
				return spent{}, err
			}
			if err := os.RemoveAll(filepath.Join(k.dir, ".heapmage", "cache")); err != nil {
				return spent{}, err
			}
			return k.run(ctx)
		}}
	}
	_, err = inPairs(pairs, build("kept", "on"), build("not kept", "off"))
	return err
}
