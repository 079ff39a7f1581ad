package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// many builds a workspace of very many packages whose scripts do nothing: what
// that takes is what a runner itself costs for each package.
func many(ctx context.Context, rounds int, args []string) error {
	flags := flag.NewFlagSet("many", flag.ContinueOnError)
	cache := flags.String("cache", "", "`folder` to keep between runs (default heapmage-bench in the user's cache folder)")
	sizes := flags.String("sizes", "heapmage:5000,turbo:500,nx:500,npm:100", "runners, and how many packages each is given")
	binary := flags.String("binary", "", "a compiled heapmage (default: compiled from this checkout)")
	flags.IntVar(&rounds, "rounds", rounds, "how many runs of each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := cacheFolder(*cache)
	if err != nil {
		return err
	}
	if *binary, err = heapmageBinary(ctx, *binary, root); err != nil {
		return err
	}
	var table strings.Builder
	table.WriteString("| runner | packages | median s | ms a package | runner's largest process MB |\n|---|---|---|---|---|\n")
	for entry := range strings.SplitSeq(*sizes, ",") {
		var count int
		name, size, _ := strings.Cut(entry, ":")
		if _, err := fmt.Sscan(size, &count); err != nil || count < 1 {
			return fmt.Errorf("-sizes: %q is not a runner and a number, such as turbo:500", entry)
		}
		if name == "heapmage" {
			name = "heapmage-cold"
		}
		c, err := contend(name, *binary)
		if err != nil {
			return err
		}
		dir := filepath.Join(root, fmt.Sprintf("many-%d", count))
		if err := manyProject(ctx, dir, count); err != nil {
			return err
		}
		var walls []time.Duration
		var own memtools.Bytes
		for round := range rounds {
			wall, peak, err := emptyRun(ctx, dir, c)
			if err != nil {
				return err
			}
			fmt.Printf("%s, %d packages, round %d: %.1fs, own usage %v\n", c.name, count, round+1, wall.Seconds(), peak)
			walls, own = append(walls, wall), max(own, peak)
		}
		m := median(walls)
		fmt.Fprintf(&table, "| %s | %d | %.1f | %.1f | %.1f |\n", c.name, count, m.Seconds(),
			float64(m.Microseconds())/1000/float64(count), float64(own)/float64(memtools.MB))
	}
	fmt.Print("\n", table.String())
	return nil
}

// manyProject makes a workspace of count packages in dir and installs it. Each
// package but the first depends on one that came before it, at most eight on the
// same, so that there are a few layers.
func manyProject(ctx context.Context, dir string, count int) error {
	files := map[string][]byte{
		".npmrc":     []byte("omit-lockfile-registry-resolved=true\n"),
		"turbo.json": encoded(object{"tasks": object{"build": object{"dependsOn": []string{"^build"}, "cache": false}}}),
		"nx.json": encoded(object{"analytics": false, "neverConnectToCloud": true,
			"targetDefaults": object{"build": object{"dependsOn": []string{"^build"}, "cache": false}}}),
		"package.json": encoded(object{
			"name": "bench-many", "version": "1.0.0", "private": true, "packageManager": "npm@11.0.0",
			"workspaces":      []string{"packages/*"},
			"devDependencies": object{"turbo": turboVersion, "nx": nxVersion},
		}),
	}
	name := func(i int) string { return fmt.Sprintf("p%05d", i) }
	for i := range count {
		needs := object{}
		if i > 0 {
			needs[scope+name((i-1)/8)] = "1.0.0"
		}
		files["packages/"+name(i)+"/package.json"] = encoded(object{"name": scope + name(i), "version": "1.0.0", "private": true,
			"scripts": object{"build": "exit 0"}, "dependencies": needs})
	}
	if err := writeChanged(dir, files); err != nil {
		return err
	}
	return install(ctx, dir)
}

// emptyRun runs the build scripts in dir with c once, and returns how long that
// took and the highest usage of one of c's own processes: not npm's, nor a script's.
func emptyRun(ctx context.Context, dir string, c contender) (wall time.Duration, own memtools.Bytes, err error) {
	for _, name := range []string{".heapmage", ".turbo", ".nx"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return 0, 0, err
		}
	}
	tracker, err := memtools.NewTracker()
	if err != nil {
		return 0, 0, err
	}
	defer tracker.Close()
	output, err := os.CreateTemp("", "heapmage-bench-*.log")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, output.Close(), os.Remove(output.Name())) }()
	started := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	started.Dir, started.Env = dir, append(environment(""), c.env...)
	started.Stdout, started.Stderr = output, output
	track := func(pid int) { tracker.Track("all", pid) }
	wall, failed, err := watched(started, 200*time.Millisecond, track, func() error {
		s, err := tracker.Sample()
		if err == nil {
			own = max(own, ownUsage(s.Trees["all"].Processes, c.name == "npm"))
		}
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	if failed != nil {
		text, _ := os.ReadFile(output.Name())
		return wall, own, fmt.Errorf("%s: %w\n%s", strings.Join(c.command, " "), failed, text[max(0, len(text)-2000):])
	}
	return wall, own, nil
}

// ownUsage is the usage of the largest process that is neither npm's nor a
// script's shell. Where npm is the runner, its own count. It is no sum: a process
// that was just forked shows its parent's memory.
func ownUsage(processes []memtools.Process, npm bool) (own memtools.Bytes) {
	for _, p := range processes {
		words := strings.Fields(cmp.Or(p.Command, "?"))
		shell := filepath.Base(words[0]) == "sh"
		if role := classify(words); !shell && (role == runner || npm && role == manager) {
			own = max(own, p.Usage)
		}
	}
	return own
}
