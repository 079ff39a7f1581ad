package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/bench/command"
	"github.com/heapmage/heapmage/internal/bench/fixture"
)

// cheap builds a workspace of packages whose build is one short Node process, with
// heapmage and with Vite Task, in pairs. What a runner takes for each task decides.
func cheap(ctx context.Context, pairs int, against string, args []string) error {
	flags := flag.NewFlagSet("cheap", flag.ContinueOnError)
	where := command.PlaceFlags(flags)
	count := flags.Int("packages", 100, "how many packages")
	script := flags.String("script", "node build.js", "what each package's build is; build.js does nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *count < 1 {
		return fmt.Errorf("-packages: %d is less than 1", *count)
	}
	root, binary, err := where.Find(ctx)
	if err != nil {
		return err
	}
	defer removeMoved(root)
	dir := filepath.Join(root, fmt.Sprintf("cheap-%d", *count))
	if err := fixture.GenerateCheap(ctx, dir, *count, *script); err != nil {
		return err
	}
	build := func(name string, command ...string) side {
		return side{name, func() (spent, error) { return emptyRun(ctx, dir, contender{name: name, command: command}) }}
	}
	other := build("vp", filepath.Join("node_modules", ".bin", "vp"), "run", "-r", "build")
	if against != "" {
		other = build("against", against, "build")
	}
	own, err := inPairs(pairs, build("heapmage", binary, "build"), other)
	if err == nil {
		fmt.Printf("heapmage's own usage: at most %v\n", own)
	}
	return err
}
