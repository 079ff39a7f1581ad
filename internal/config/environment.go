package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
)

// readEnvironment reads the settings in env, whose values are written as in the
// file. An empty variable counts as not set. An unknown HEAPMAGE_* variable is an
// error: a misspelt setting must not be ignored.
func (c *Config) readEnvironment(env []string) error {
	known := c.variables()
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, environ.Prefix) || value == "" || environ.IsMark(name) {
			continue
		}
		read, ok := known[name]
		if !ok {
			return &problem.Error{Where: "environment", What: fmt.Sprintf("unknown variable %s", name),
				Hint: nearest.Hint(name, slices.Sorted(slices.Values(environ.Settings())), "known variables")}
		}
		err := read(&yaml.Node{Kind: yaml.ScalarNode, Value: value})
		if p := (*problem.Error)(nil); errors.As(err, &p) {
			p.Where = "environment"
			return p
		}
		c.BudgetVariable = c.BudgetVariable || name == environ.Budget
	}
	return nil
}

// variables are the readers of environ.Settings.
func (c *Config) variables() fields {
	return fields{
		environ.Budget:          c.size(environ.Budget, &c.Budget),
		environ.HeapLimit:       c.size(environ.HeapLimit, &c.HeapLimit),
		environ.GCAuto:          boolean(environ.GCAuto, &c.GC.Auto),
		environ.GCCooldown:      duration(environ.GCCooldown, &c.GC.Cooldown, time.Second),
		environ.Concurrency:     concurrency(environ.Concurrency, &c.Concurrency),
		environ.OnPressure:      oneOf(environ.OnPressure, &c.OnPressure, "retry", OnPressureSuspend),
		environ.Retries:         retries(environ.Retries, &c.Retries),
		environ.KeepGoing:       boolean(environ.KeepGoing, &c.KeepGoing),
		environ.Cgroups:         boolean(environ.Cgroups, &c.Cgroups),
		environ.Cache:           oneOf(environ.Cache, &c.Cache, "off", CacheOn, CacheRefresh),
		environ.CacheRemote:     text(environ.CacheRemote, &c.Shared.Remote),
		environ.CacheWrite:      oneOf(environ.CacheWrite, &c.Shared.Write, writeModes...),
		environ.CacheToken:      func(*yaml.Node) error { return nil }, // for the store
		environ.CacheSigningKey: secretKey(environ.CacheSigningKey, &c.Shared.Secret),
		environ.Observe:         oneOf(environ.Observe, &c.Observe, "on", ObserveOff),
		environ.CI:              oneOf(environ.CI, &c.CI, "auto", CIOff),
		environ.Output:          oneOf(environ.Output, &c.Output, OutputWords...),
		environ.View:            oneOf(environ.View, &c.View, "auto", ViewPlain),
		environ.Runner:          oneOf(environ.Runner, &c.Runner, RunnerPackageManager),
		environ.MonitorInterval: duration(environ.MonitorInterval, &c.Monitor.Interval, leastInterval),
		environ.MonitorWarning:  percent(environ.MonitorWarning, &c.Monitor.Warning),
		environ.MonitorCritical: percent(environ.MonitorCritical, &c.Monitor.Critical),
	}
}
