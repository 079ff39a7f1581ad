// Command bench measures heapmage beside what a team would use in its place.
// docs/benchmarks.md holds the figures and the commands that gave them.
//
//	go run ./internal/bench overhead   the example under heapmage and under npm, in pairs
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
	flag.Parse()
	switch flag.Arg(0) {
	case "overhead":
		return overhead(ctx, *pairs)
	default:
		return fmt.Errorf("unknown benchmark %q: overhead", flag.Arg(0))
	}
}
