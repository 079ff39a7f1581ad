// Command bench measures heapmage beside what a team would use in its place, and
// beside another version of itself. docs/benchmarks.md holds the figures and the
// commands that gave them.
//
//	go run ./internal/bench -pairs 5 overhead    the example under heapmage and under npm
//	go run ./internal/bench -pairs 3 gc          loads of over 1 GB with automatic GC and without
//	go run ./internal/bench -pairs 40 agent core what the agent costs a Node process, and a build of packages
//	go run ./internal/bench -rounds 3 peers      a workspace under each runner, inside memory limits: root on Linux
//	go run ./internal/bench -rounds 3 many       thousands of packages with empty scripts
//	go run ./internal/bench -pairs 10 cheap      a hundred packages with a short Node process each, beside Vite Task
//	go run ./internal/bench -rounds 7 known      workspaces whose results are known, beside other runners
//	go run ./internal/bench -pairs 10 observed   builds whose results are kept, and builds whose are not
//	go run ./internal/bench -rounds 3 peaks      the peaks that heapmage tells beside the kernel's: root on Linux
//	go run ./internal/bench -rounds 6 guard      ten runners, alone and guarded, inside memory limits: root on Linux
//	go run ./internal/bench -pairs 5 overhead guard  the example under npm, guarded and not
//	go run ./internal/bench -pairs 20 overhead guard at-once  both at the same time
//	go run ./internal/bench shards               ci:matrix beside other ways to divide a build, simulated
//	go run ./internal/bench project DIR          the workspace that peers builds
//	go run ./internal/bench chaos -minutes 15    random builds inside memory limits, and harm done to them: root on Linux
//
// With -against FILE, overhead, many, cheap, known and peers compare this version with another
// one, in pairs. FILE is that version's compiled targets, made in its checkout by
// "go tool mage -compile FILE":
//
//	go run ./internal/bench -against FILE -pairs 10 overhead
//	go run ./internal/bench -against FILE -rounds 10 many
//	go run ./internal/bench -against FILE -rounds 6 peers -limits 1.3
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/heapmage/heapmage/internal/bench/chaos"
	"github.com/heapmage/heapmage/internal/bench/fixture"
	"github.com/heapmage/heapmage/internal/bench/shards"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	// On every signal, so that no cgroup and no runner is left behind.
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	pairs := flag.Int("pairs", 5, "how many pairs of runs (overhead, gc, agent, cheap, observed)")
	rounds := flag.Int("rounds", 3, "how many runs of each runner (peers, many, known, guard) or shape (peaks)")
	against := flag.String("against", "", "compiled targets of another version to compare with (overhead, many, cheap, known, peers)")
	flag.Parse()
	if *against != "" {
		path, err := filepath.Abs(*against)
		if err != nil {
			return err
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("-against: %w", err)
		}
		*against = path
	}
	if *pairs < 1 && flag.Arg(0) != "agent" || *rounds < 1 {
		return errors.New("-pairs and -rounds must be at least 1")
	}
	switch flag.Arg(0) {
	case "overhead":
		return overhead(ctx, *pairs, *against, flag.Args()[1:])
	case "gc":
		return gc(ctx, *pairs)
	case "agent":
		return agent(ctx, *pairs, flag.Args()[1:])
	case "project":
		if flag.NArg() != 2 {
			return errors.New("project needs the folder to generate the workspace in")
		}
		return fixture.Layered(1).Generate(ctx, flag.Arg(1))
	case "peers":
		return peers(ctx, *rounds, *against, flag.Args()[1:])
	case "peaks":
		return peaks(ctx, *rounds, flag.Args()[1:])
	case "many":
		return many(ctx, *rounds, *against, flag.Args()[1:])
	case "cheap":
		return cheap(ctx, *pairs, *against, flag.Args()[1:])
	case "known":
		return known(ctx, *rounds, *against, flag.Args()[1:])
	case "shards":
		return shards.Run(flag.Args()[1:])
	case "observed":
		return observed(ctx, *pairs, flag.Args()[1:])
	case "chaos":
		return disturb(ctx, flag.Args()[1:])
	case "guard":
		return guard(ctx, *rounds, flag.Args()[1:])
	case "mem":
		return chaos.Task(flag.Args()[1:])
	default:
		return fmt.Errorf("unknown benchmark %q: overhead, gc, agent, project, peers, peaks, many, cheap, known, observed, shards, guard or chaos", flag.Arg(0))
	}
}
