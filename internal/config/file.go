package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/problem"
)

// parse reads the text of heapmage.yaml.
func (c *Config) parse(text []byte) error {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // empty, or comments only
		}
		return syntax(text, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return &problem.Error{Where: FileName, What: "holds more than one document", Hint: "keep one; remove the --- line"}
	}
	return mapping(doc.Content[0], "", fields{
		"budget":      c.size("budget", &c.Budget),
		"heapLimit":   c.size("heapLimit", &c.HeapLimit),
		"concurrency": concurrency("concurrency", &c.Concurrency),
		"onPressure":  oneOf("onPressure", &c.OnPressure, "retry", OnPressureSuspend),
		"retries":     retries("retries", &c.Retries),
		"keepGoing":   boolean("keepGoing", &c.KeepGoing),
		"cgroups":     boolean("cgroups", &c.Cgroups),
		"cache":       c.cache,
		"observe":     oneOf("observe", &c.Observe, "on", ObserveOff),
		"ci":          oneOf("ci", &c.CI, "auto", CIOff),
		"output":      oneOf("output", &c.Output, OutputWords...),
		"view":        oneOf("view", &c.View, "auto", ViewPlain),
		"runner":      oneOf("runner", &c.Runner, RunnerPackageManager),
		"monitor": func(v *yaml.Node) error {
			return mapping(v, "monitor", fields{
				"interval": duration("monitor.interval", &c.Monitor.Interval, leastInterval),
				"warning":  percent("monitor.warning", &c.Monitor.Warning),
				"critical": percent("monitor.critical", &c.Monitor.Critical),
			})
		},
		"gc": func(v *yaml.Node) error {
			return mapping(v, "gc", fields{
				"auto":     boolean("gc.auto", &c.GC.Auto),
				"cooldown": duration("gc.cooldown", &c.GC.Cooldown, time.Second),
			})
		},
		"tasks":    entries("tasks", &c.Tasks, taskFields),
		"packages": entries("packages", &c.Packages, c.packageFields),
	})
}

// cache reads what is set for results: one word, or more.
func (c *Config) cache(v *yaml.Node) error {
	if v.Kind == yaml.ScalarNode {
		return oneOf("cache", &c.Cache, "off", CacheOn, CacheRefresh)(v)
	}
	return mapping(v, "cache", fields{
		"mode":     oneOf("cache.mode", &c.Cache, "off", CacheOn, CacheRefresh),
		"remote":   text("cache.remote", &c.Shared.Remote),
		"write":    oneOf("cache.write", &c.Shared.Write, writeModes...),
		"keys":     publicKeys("cache.keys", &c.Shared.Keys),
		"pullKeys": publicKeys("cache.pullKeys", &c.Shared.PullKeys),
	})
}

func taskFields(where string, t *Task) fields {
	return fields{
		"dependsOn":   list(where+".dependsOn", &t.DependsOn),
		"outputs":     list(where+".outputs", &t.Outputs),
		"env":         list(where+".env", &t.Env),
		"cache":       boolean(where+".cache", &t.Cache),
		"incremental": boolean(where+".incremental", &t.Incremental),
		"script":      text(where+".script", &t.Script),
		"timeout":     duration(where+".timeout", &t.Timeout, time.Millisecond),
	}
}

func (c *Config) packageFields(where string, p *Package) fields {
	return fields{
		"heapLimit": c.size(where+".heapLimit", &p.HeapLimit),
		"need":      c.size(where+".need", &p.Need),
	}
}

// syntax is the error of a text that is no YAML.
func syntax(text []byte, err error) error {
	where := FileName
	line, what := problem.YAML(text, err)
	if line > 0 {
		where = fmt.Sprintf("%s:%d", FileName, line)
	}
	return &problem.Error{Where: where, What: "invalid YAML: " + what, Hint: "check the indentation and the quotes near that line"}
}
