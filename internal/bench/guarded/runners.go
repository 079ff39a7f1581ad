package guarded

import (
	"fmt"
	"strings"

	"github.com/heapmage/heapmage/internal/bench/fixture"
)

// runner is a task runner, and how it is told to run a target.
type runner struct {
	name    string
	manager string // whose workspace it runs in
	// command is its command line for a target. n is the concurrency, 0 for its own default, and
	// managers the folder of fixture.GenerateManagers.
	command func(t fixture.Target, n int, managers string) string
	env     func(n int) []string // nil: none
}

// bin is where a workspace's programs are.
const bin = "node_modules/.bin/"

// option is a flag with the concurrency, or nothing for the default.
func option(text string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" "+text, n)
}

// runners are the ten.
func runners() []runner {
	return []runner{
		{name: "turbo", manager: "npm", command: func(t fixture.Target, n int, _ string) string {
			return bin + "turbo run " + t.Name + " --force" + option("--concurrency=%d", n)
		}, env: fixed("TURBO_TELEMETRY_DISABLED=1")},
		{name: "nx", manager: "npm", command: func(t fixture.Target, n int, _ string) string {
			return bin + "nx run-many --target=" + t.Name + " --skip-nx-cache" + option("--parallel=%d", n)
		}, env: fixed("NX_DAEMON=false", "NX_NO_CLOUD=true")},
		{name: "lage", manager: "npm", command: func(t fixture.Target, n int, _ string) string {
			return bin + "lage " + t.Name + " --no-cache" + option("--concurrency=%d", n)
		}},
		{name: "wireit", manager: "npm", command: func(t fixture.Target, _ int, _ string) string {
			return "npm run " + t.Name + ":wireit"
		}, env: func(n int) []string {
			if n == 0 {
				return []string{"WIREIT_CACHE=none"}
			}
			return []string{"WIREIT_CACHE=none", fmt.Sprintf("WIREIT_PARALLEL=%d", n)}
		}},
		{name: "pnpm", manager: "pnpm", command: func(t fixture.Target, n int, managers string) string {
			return fixture.Manager(managers, "pnpm") + " --recursive" + option("--workspace-concurrency=%d", n) + " run " + t.Name
		}},
		{name: "npm", manager: "npm", command: func(_ fixture.Target, n int, _ string) string {
			return bin + "run-p" + option("--max-parallel %d", n) + " 'all:*'"
		}},
		{name: "yarn1", manager: "yarn1", command: func(t fixture.Target, n int, managers string) string {
			var names []string
			for _, u := range t.Units {
				names = append(names, "@bench/"+u.Name)
			}
			return fmt.Sprintf("printf '%%s\\n' %s | xargs -P %d -I NAME %s workspace NAME run %s", strings.Join(names, " "), n, fixture.Manager(managers, "yarn1"), t.Name)
		}},
		{name: "yarn4", manager: "yarn4", command: func(t fixture.Target, n int, managers string) string {
			jobs := "unlimited" // its default is half of the processors: one by one here
			if n > 0 {
				jobs = fmt.Sprint(n)
			}
			return fixture.Manager(managers, "yarn4") + " workspaces foreach --all --parallel --topological --jobs " + jobs + " run " + t.Name
		}},
		{name: "make", manager: "npm", command: func(_ fixture.Target, n int, _ string) string {
			return "make -j" + strings.TrimSpace(option("%d", n)) + " all"
		}},
		{name: "concurrently", manager: "npm", command: func(t fixture.Target, n int, _ string) string {
			words := []string{bin + "concurrently" + option("--max-processes %d", n)}
			for _, u := range t.Units {
				words = append(words, fmt.Sprintf("'cd packages/%s && %s'", u.Name, u.Command))
			}
			return strings.Join(words, " ")
		}},
	}
}

func fixed(env ...string) func(int) []string { return func(int) []string { return env } }
