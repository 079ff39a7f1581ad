// Command bench measures heapmage's pool beside worker pools for Node: piscina,
// jest-worker, tinypool and workerpool. It installs them with npm into a temporary
// folder, measures all of them in turn, and prints the medians as a table in
// Markdown.
//
//	go run ./pool/bench
//
// It needs Linux, Node, npm and the network.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/proc"
	"github.com/heapmage/heapmage/pool/worker"
)

// size is how much is measured; peers.mjs reads it.
type size struct {
	Tasks  int `json:"tasks"`  // for the throughput
	Turns  int `json:"turns"`  // round trips
	Large  int `json:"large"`  // round trips of 1 MB
	Starts int `json:"starts"` // of a pool with one worker
}

// result is one measurement of one pool; peers.mjs prints it.
type result struct {
	Memory    float64 `json:"memory"`    // usage of a worker, bytes
	Start     float64 `json:"start"`     // New to the first answer, ms
	RoundTrip float64 `json:"roundTrip"` // ms
	Two       float64 `json:"two"`       // tasks a second, 2 workers
	Eight     float64 `json:"eight"`     // tasks a second, 8 workers
	Megabyte  float64 `json:"megabyte"`  // round trip with 1 MB each way, ms
}

type contender struct {
	title   string
	measure func(size) (result, error)
}

func main() {
	worker.Main(handlers)
	rounds := flag.Int("rounds", 5, "how often each pool is measured")
	s := size{}
	flag.IntVar(&s.Tasks, "tasks", 20_000, "tasks for the throughput")
	flag.IntVar(&s.Turns, "turns", 5_000, "round trips of a small task")
	flag.IntVar(&s.Large, "large", 50, "round trips of 1 MB")
	flag.IntVar(&s.Starts, "starts", 5, "starts of a worker")
	dir := flag.String("dir", "", "a folder for the npm packages, which is kept; empty means a temporary one")
	only := flag.String("only", "", "measure the pools alone whose title matches this regular expression")
	flag.Parse()
	title, err := regexp.Compile(*only)
	if err == nil {
		err = run(*rounds, s, *dir, title)
	}
	proc.Shutdown()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(rounds int, s size, dir string, only *regexp.Regexp) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "heapmage-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
	}
	if err := install(dir); err != nil {
		return err
	}
	all, err := ours(dir)
	if err != nil {
		return err
	}
	for _, p := range peers {
		all = append(all, contender{p.title, func(s size) (result, error) { return measurePeer(dir, p.name, s) }})
	}
	all = slices.DeleteFunc(all, func(c contender) bool { return !only.MatchString(c.title) })
	results := make([][]result, len(all))
	for round := range rounds {
		for n, c := range all {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, rounds, strings.Trim(c.title, "*"))
			r, err := c.measure(s)
			if err != nil {
				return fmt.Errorf("%s: %w", c.title, err)
			}
			results[n] = append(results[n], r)
		}
	}
	node, err := output(dir, "node", "--version")
	if err != nil {
		return err
	}
	fmt.Printf("Node %s, %s, %d CPUs, %s. Medians of %d rounds in turn.\n\n", strings.TrimSpace(string(node)), runtime.Version(), runtime.NumCPU(), strings.Join(peerVersions, ", "), rounds)
	fmt.Println("| pool | round trip µs | tasks/s, 2 workers | tasks/s, 8 workers | 1 MB there and back, ms | start ms | usage of a worker MB |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for n, c := range all {
		m := medians(results[n])
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %.1f | %.0f | %.1f |\n", c.title, m.RoundTrip*1000, m.Two, m.Eight, m.Megabyte, m.Start, m.Memory/(1<<20))
	}
	return nil
}

func medians(all []result) result {
	of := func(field func(result) float64) float64 {
		var values []float64
		for _, r := range all {
			values = append(values, field(r))
		}
		slices.Sort(values)
		return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return result{
		Memory: of(func(r result) float64 { return r.Memory }), Start: of(func(r result) float64 { return r.Start }),
		RoundTrip: of(func(r result) float64 { return r.RoundTrip }), Megabyte: of(func(r result) float64 { return r.Megabyte }),
		Two: of(func(r result) float64 { return r.Two }), Eight: of(func(r result) float64 { return r.Eight }),
	}
}
