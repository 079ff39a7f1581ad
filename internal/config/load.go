package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// Load reads the heapmage.yaml of a root folder and the settings in env, which go
// first. A missing file is an empty one. Every error is a *problem.Error.
func Load(root string, env []string) (*Config, error) {
	c := &Config{}
	text, err := folder.ReadFile(filepath.Join(root, FileName))
	switch {
	case err == nil:
		if err := c.parse(text); err != nil {
			return nil, err
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, &problem.Error{Where: FileName, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
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

// FromEnvironment reads only the settings in env, for what runs outside of any
// workspace. Every error is a *problem.Error.
func FromEnvironment(env []string) (*Config, error) {
	c := &Config{}
	if err := c.readEnvironment(env); err != nil {
		return nil, err
	}
	return c, c.check("environment")
}

// check looks at values that have to fit each other. where names their place in
// the error.
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
