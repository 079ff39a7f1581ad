package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
)

// contender is one way to build the generated workspace.
type contender struct {
	name    string
	command []string
	env     []string
	warm    bool // heapmage that knows an earlier run
}

// role says whose memory a process of a run is.
type role int

const (
	runner  role = iota // the contender's own
	manager             // npm, which stands between most runners and the script
	work                // tsc, and the shell that starts it
)

// classify tells from its arguments whose process one is.
func classify(arguments []string) role {
	for _, argument := range arguments {
		switch program, _, _ := strings.Cut(argument, " "); filepath.Base(program) {
		case "tsc":
			return work
		case "npm", "npm-cli.js":
			return manager
		}
	}
	return runner
}

// contend finds the contender called name: a runner, and after a dash its
// concurrency.
func contend(name, heapmage string) (contender, error) {
	tool, parallel, set := strings.Cut(name, "-")
	c := contender{name: name}
	if tool == "heapmage" && (parallel == "cold" || parallel == "warm") {
		c.command, c.warm = []string{heapmage, "build"}, parallel == "warm"
		return c, nil
	}
	if n, err := strconv.Atoi(parallel); set && (err != nil || n < 1) {
		return c, fmt.Errorf("-tools: %q: what follows the dash is a concurrency, or cold or warm after heapmage", name)
	}
	option := func(flag string) {
		if set {
			c.command = append(c.command, flag+parallel)
		}
	}
	bin := filepath.Join("node_modules", ".bin", tool)
	switch {
	case tool == "turbo":
		c.command = []string{bin, "run", "build", "--force"}
		c.env = []string{"TURBO_TELEMETRY_DISABLED=1"}
		option("--concurrency=")
	case tool == "nx":
		c.command = []string{bin, "run-many", "--target=build", "--skip-nx-cache"}
		c.env = []string{"NX_DAEMON=false", "NX_NO_CLOUD=true"}
		option("--parallel=")
	case tool == "lage":
		c.command = []string{bin, "build", "--no-cache"}
		option("--concurrency=")
	case tool == "wireit":
		c.command = []string{"npm", "run", "build:wireit"}
		c.env = []string{"WIREIT_CACHE=none"}
		if set {
			c.env = append(c.env, "WIREIT_PARALLEL="+parallel)
		}
	case tool == "npm" && !set:
		c.command = []string{"npm", "run", "build", "--workspaces"}
	default:
		return c, fmt.Errorf("-tools: unknown runner %q", name)
	}
	return c, nil
}

// environment is this process's without what would change a runner's defaults.
func environment(heap string) []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return name == "CI" || name == environ.NodeOptions || slices.ContainsFunc(
			[]string{environ.Prefix, "TURBO_", "NX_", "LAGE_", "WIREIT_", "GITHUB_", "npm_"},
			func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
	env = append(env, "DO_NOT_TRACK=1")
	if heap != "" {
		env = append(env, environ.NodeOptions+"=--max-old-space-size="+heap)
	}
	return env
}
