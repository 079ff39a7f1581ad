package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/nearest"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Load reads root's heapmage.yaml, the order of tasks in its turbo.json, and the
// HEAPMAGE_* variables of env, which go first. A missing file is an empty
// one. Every error is a *problem.Error.
func Load(root string, env []string) (*Config, error) {
	c := &Config{}
	text, err := os.ReadFile(filepath.Join(root, FileName))
	switch {
	case err == nil:
		if err := c.parse(text); err != nil {
			return nil, err
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, &problem.Error{Where: FileName, What: "cannot be read", Cause: err, Hint: "check its permissions"}
	}
	if err := c.readTurbo(root); err != nil {
		return nil, err
	}
	where := FileName
	if c.check(where) == nil {
		where = "environment"
	}
	if err := c.readEnvironment(env); err != nil {
		return nil, err
	}
	return c, c.check(where)
}

// FromEnvironment reads the HEAPMAGE_* variables alone, where there is no
// workspace.
func FromEnvironment(env []string) (*Config, error) {
	c := &Config{}
	if err := c.readEnvironment(env); err != nil {
		return nil, err
	}
	return c, c.check("environment")
}

// fields maps the keys of one mapping to what reads their values.
type fields map[string]func(value *yaml.Node) error

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

func taskFields(where string, t *Task) fields {
	return fields{
		"dependsOn": list(where+".dependsOn", &t.DependsOn),
		"outputs":   list(where+".outputs", &t.Outputs),
		"script":    text(where+".script", &t.Script),
		"timeout":   duration(where+".timeout", &t.Timeout, time.Millisecond),
	}
}

func (c *Config) packageFields(where string, p *Package) fields {
	return fields{
		"heapLimit": c.size(where+".heapLimit", &p.HeapLimit),
		"need":      c.size(where+".need", &p.Need),
	}
}

// check looks at what no single value shows; where names the values' place.
func (c *Config) check(where string) error {
	warning, critical := c.Monitor.Warning, c.Monitor.Critical
	if warning == 0 {
		warning = memtools.DefaultThresholds.Warning * 100
	}
	if critical == 0 {
		critical = memtools.DefaultThresholds.Critical * 100
	}
	if warning >= critical {
		return &problem.Error{Where: where, What: fmt.Sprintf("monitor.warning (%g%%) is not below monitor.critical (%g%%)", warning, critical),
			Hint: "the defaults are 75% and 90%"}
	}
	return nil
}

// mapping reads a mapping by its fields; a key that is not among them, or that
// stands twice, is an error with its line.
func mapping(node *yaml.Node, where string, known fields) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return nil // "tasks:" with nothing below it
	}
	if node.Kind != yaml.MappingNode {
		return at(node, label(where, "the file")+" is not a mapping of keys to values", "write it as key: value, one a line")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		read, ok := known[key.Value]
		if !ok {
			name := key.Value
			if where != "" {
				name = where + "." + name
			}
			return at(key, fmt.Sprintf("unknown key %q", name), nearest.Hint(key.Value, slices.Sorted(maps.Keys(known)), "known keys"))
		}
		if seen[key.Value] {
			return at(key, fmt.Sprintf("key %q stands twice", key.Value), "keep one of them")
		}
		seen[key.Value] = true
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if err := read(value); err != nil {
			return err
		}
	}
	return nil
}

// entries reads a mapping of names to one struct each.
func entries[T any](where string, to *map[string]T, known func(where string, t *T) fields) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		*to = map[string]T{}
		named := fields{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i].Value
			named[name] = func(value *yaml.Node) error {
				var t T
				if err := mapping(value, where+"."+name, known(where+"."+name, &t)); err != nil {
					return err
				}
				(*to)[name] = t
				return nil
			}
		}
		return mapping(node, where, named)
	}
}

func (c *Config) size(name string, to *memtools.Size) func(*yaml.Node) error {
	return scalar(name, "write it as 8GB, 512MB or 80%", func(s string) (err error) {
		*to, err = memtools.ParseSize(s)
		return err
	})
}

func duration(name string, to *time.Duration, least time.Duration) func(*yaml.Node) error {
	return scalar(name, fmt.Sprintf("write it as 30s, 1m30s or 500ms, at least %v", least), func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < least {
			return fmt.Errorf("%q is not a time of at least %v", s, least)
		}
		*to = d
		return nil
	})
}

func percent(name string, to *float64) func(*yaml.Node) error {
	return scalar(name, "write it as 75%", func(s string) error {
		f, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
		if err != nil || !(f > 0 && f <= 100) {
			return fmt.Errorf("%q is not a percentage above 0%% and up to 100%%", s)
		}
		*to = f
		return nil
	})
}

func boolean(name string, to **bool) func(*yaml.Node) error {
	return scalar(name, "write true or false", func(s string) error {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		*to = &b
		return nil
	})
}

func concurrency(name string, to *int) func(*yaml.Node) error {
	return scalar(name, "write auto, or how many tasks may run at once", func(s string) (err error) {
		if *to = 0; s == "auto" {
			return nil
		}
		*to, err = whole(s, 1, 1000)
		return err
	})
}

func retries(name string, to **int) func(*yaml.Node) error {
	return scalar(name, "write how often a task that failed for memory is tried again", func(s string) error {
		n, err := whole(s, 0, 10)
		*to = &n
		return err
	})
}

func whole(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", s, least, most)
	}
	return n, nil
}

func oneOf(name string, to *string, values ...string) func(*yaml.Node) error {
	return scalar(name, "it can be: "+strings.Join(values, ", "), func(s string) error {
		if !slices.Contains(values, s) {
			return fmt.Errorf("%q is not known", s)
		}
		*to = s
		return nil
	})
}

func text(name string, to *string) func(*yaml.Node) error {
	return scalar(name, "give one name", func(s string) error {
		if s == "" {
			return errors.New("it is empty")
		}
		*to = s
		return nil
	})
}

func scalar(name, hint string, set func(string) error) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		if node.Kind != yaml.ScalarNode {
			return at(node, name+" is not a single value", hint)
		}
		if err := set(node.Value); err != nil {
			return at(node, name+": "+err.Error(), hint)
		}
		return nil
	}
}

func list(name string, to *[]string) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		const hint = "write it as [a, b]"
		if node.Kind != yaml.SequenceNode {
			return at(node, name+" is not a list", hint)
		}
		*to = []string{}
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode || item.Value == "" {
				return at(item, name+" holds something that is not a name", hint)
			}
			*to = append(*to, item.Value)
		}
		return nil
	}
}

func at(node *yaml.Node, what, hint string) error {
	return &problem.Error{Where: fmt.Sprintf("%s:%d", FileName, node.Line), What: what, Hint: hint}
}

func label(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

// syntax turns the library's "yaml: line 3: …" into our form.
func syntax(text []byte, err error) error {
	where := FileName
	line, what := problem.YAML(text, err)
	if line > 0 {
		where = fmt.Sprintf("%s:%d", FileName, line)
	}
	return &problem.Error{Where: where, What: "not valid YAML: " + what, Hint: "check the indentation and the quotes near that line"}
}
