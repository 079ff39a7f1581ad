package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// contender is one way to build the generated workspace.
type contender struct {
	name    string
	command []string
	env     []string
	warm    bool // heapmage with the history of an earlier run
}

// role is whose memory a process of a run is.
type role int

const (
	runner  role = iota // the contender's own
	manager             // npm, which most runners start for each script
	work                // tsc, and the shell that starts it
)

// classify returns the role of a process with these arguments.
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

// contend returns the contender called name: a runner, and after a dash its
// concurrency. For heapmage, and for against, its other version, cold or warm
// follows the dash.
func contend(name, heapmage, against string) (contender, error) {
	tool, parallel, set := strings.Cut(name, "-")
	c := contender{name: name}
	if parallel == "cold" || parallel == "warm" {
		versions := map[string]string{"heapmage": heapmage, "against": against}
		if versions[tool] == "" {
			return c, fmt.Errorf("-tools: %q: cold and warm follow heapmage, and against if there is -against", name)
		}
		c.command, c.warm = []string{versions[tool], "build"}, parallel == "warm"
		return c, nil
	}
	if n, err := strconv.Atoi(parallel); set && (err != nil || n < 1) {
		return c, fmt.Errorf("-tools: %q: a concurrency follows the dash, or cold or warm after heapmage", name)
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
