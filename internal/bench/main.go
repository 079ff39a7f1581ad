// Command bench measures heapmage beside what a team would use in its place.
// docs/benchmarks.md holds the figures and the commands that gave them.
//
//	go run ./internal/bench -pairs 5 overhead    the example under heapmage and under npm, in pairs
//	go run ./internal/bench -pairs 3 gc          loads of over 1 GB with automatic GC and without
//	go run ./internal/bench -pairs 40 agent core what the agent costs a Node process, and a build of packages
//	go run ./internal/bench project DIR          generates the workspace that peers builds
//	go run ./internal/bench -rounds 3 peers      it under each runner inside memory limits, as root on Linux
//	go run ./internal/bench -rounds 3 many       thousands of packages with empty scripts
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	pairs := flag.Int("pairs", 5, "how many pairs of runs")
	rounds := flag.Int("rounds", 3, "how many runs of each runner (peers, many)")
	flag.Parse()
	switch flag.Arg(0) {
	case "overhead":
		return overhead(ctx, *pairs)
	case "gc":
		return gc(ctx, *pairs)
	case "agent":
		return agent(ctx, *pairs, flag.Args()[1:])
	case "project":
		return project(ctx, flag.Arg(1))
	case "peers":
		return peers(ctx, *rounds, flag.Args()[1:])
	case "many":
		return many(ctx, *rounds, flag.Args()[1:])
	default:
		return fmt.Errorf("unknown benchmark %q: overhead, gc, agent, project, peers or many", flag.Arg(0))
	}
}
