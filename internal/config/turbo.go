package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/problem"
)

const turboFile = "turbo.json"

// readTurbo reads the order and the outputs of tasks from the turbo.json of a
// root folder ("tasks", or "pipeline" before version 2). Entries of dependsOn that
// name environment variables ("$CI") are left out.
func (c *Config) readTurbo(root string) error {
	text, err := folder.ReadFile(filepath.Join(root, turboFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &problem.Error{Where: turboFile, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	}
	text, err = hujson.Standardize(text)
	type task struct {
		DependsOn []string `json:"dependsOn"`
		Outputs   []string `json:"outputs"`
	}
	var turbo struct{ Tasks, Pipeline map[string]task }
	if err == nil {
		err = json.Unmarshal(text, &turbo)
	}
	if err != nil {
		return &problem.Error{Where: turboFile, What: "cannot be read as JSON", Cause: err, Hint: "fix the file, or set tasks: in heapmage.yaml and remove it"}
	}
	if turbo.Tasks == nil {
		turbo.Tasks = turbo.Pipeline
	}
	c.Declared = map[string][]string{}
	for name, t := range turbo.Tasks {
		if t.Outputs != nil {
			if c.DeclaredOutputs == nil {
				c.DeclaredOutputs = map[string][]string{}
			}
			c.DeclaredOutputs[name] = t.Outputs
		}
		if t.DependsOn != nil {
			c.Declared[name] = slices.DeleteFunc(t.DependsOn, func(s string) bool { return strings.HasPrefix(s, "$") })
		}
	}
	return nil
}
