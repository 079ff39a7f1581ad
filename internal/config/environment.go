package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
)

// Prefix begins the name of every variable of heapmage.
const Prefix = "HEAPMAGE_"

// Variables that heapmage sets for its own children.
const (
	// EnvTask marks every process of a task: "RUN/TASK" (memtools.MarkerEnv).
	EnvTask = Prefix + "TASK"
	// EnvRunning lists the tasks that a nested run stands inside of.
	EnvRunning = Prefix + "RUNNING"
	// EnvBudget is what a user sets as well, and what a nested run is given.
	EnvBudget = Prefix + "BUDGET"
	// EnvReaper marks the process that cleans up after a killed run.
	EnvReaper = Prefix + "REAPER"
	// EnvHeapSocket is where Node processes find the run (package v8heap).
	EnvHeapSocket = Prefix + "HEAP_SOCKET"
)

// readEnvironment sets what HEAPMAGE_* variables say; they read like the file's
// values. An empty variable is one that is not set. An unknown one is an error,
// for a misspelt setting must not be passed over.
func (c *Config) readEnvironment(environ []string) error {
	known := fields{
		EnvBudget:                   c.size(EnvBudget, &c.Budget),
		"HEAPMAGE_HEAP_LIMIT":       c.size("HEAPMAGE_HEAP_LIMIT", &c.HeapLimit),
		"HEAPMAGE_GC_AUTO":          boolean("HEAPMAGE_GC_AUTO", &c.GC.Auto),
		"HEAPMAGE_GC_COOLDOWN":      duration("HEAPMAGE_GC_COOLDOWN", &c.GC.Cooldown, time.Second),
		"HEAPMAGE_CONCURRENCY":      concurrency("HEAPMAGE_CONCURRENCY", &c.Concurrency),
		"HEAPMAGE_ON_PRESSURE":      oneOf("HEAPMAGE_ON_PRESSURE", &c.OnPressure, "retry", OnPressureSuspend),
		"HEAPMAGE_RETRIES":          retries("HEAPMAGE_RETRIES", &c.Retries),
		"HEAPMAGE_KEEP_GOING":       boolean("HEAPMAGE_KEEP_GOING", &c.KeepGoing),
		"HEAPMAGE_RUNNER":           oneOf("HEAPMAGE_RUNNER", &c.Runner, RunnerPackageManager),
		"HEAPMAGE_MONITOR_INTERVAL": duration("HEAPMAGE_MONITOR_INTERVAL", &c.Monitor.Interval, leastInterval),
		"HEAPMAGE_MONITOR_WARNING":  percent("HEAPMAGE_MONITOR_WARNING", &c.Monitor.Warning),
		"HEAPMAGE_MONITOR_CRITICAL": percent("HEAPMAGE_MONITOR_CRITICAL", &c.Monitor.Critical),
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, Prefix) || value == "" || slices.Contains(own, name) {
			continue
		}
		read, ok := known[name]
		if !ok {
			return &problem.Error{Where: "environment", What: fmt.Sprintf("unknown variable %s", name),
				Hint: nearest.Hint(name, slices.Sorted(maps.Keys(known)), "known variables")}
		}
		err := read(&yaml.Node{Kind: yaml.ScalarNode, Value: value})
		if p := (*problem.Error)(nil); errors.As(err, &p) {
			p.Where = "environment"
			return p
		}
	}
	return nil
}

var own = []string{EnvTask, EnvRunning, EnvReaper, EnvHeapSocket}
