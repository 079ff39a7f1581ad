// Package npmconfig reads npm's settings from every place in which npm looks for them: the
// environment, the files of the project, of the user and of the machine, and npm's own. It
// starts nothing, and keeps no setting that holds a secret.
package npmconfig

import (
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/problem"
)

// Place is where settings are looked for. An empty field means that there is no such place.
type Place struct {
	// Root is the folder of the project.
	Root string
	// Environ is the environment. It also fills in ${NAME} in files.
	Environ []string
	// Prefix is the folder of what is installed globally, unless a setting names another:
	// the folder above that of the node program.
	Prefix string
	// Builtin is the folder of npm itself.
	Builtin string
	// Further is a file that goes before the machine's, such as pnpm's own.
	Further string
}

// Config is what was found. Of several values for a key the nearest counts: of the
// environment, the project, the user, the machine, npm itself. An empty value counts too.
type Config struct {
	// User and Global are the paths of the files of the user and of the machine, Prefix is
	// the folder of what is installed globally, and Further the file that Place names. Each
	// is empty if there is none.
	User, Global, Prefix, Further string

	layers []layer // the nearest first
	env    []string
	home   string
}

type layer struct {
	from   string // a file, for messages
	values map[string]value
}

type value struct {
	text string
	list []string // if it was written as key[]
	from string   // a variable, for messages; empty in a file
}

// Read reads the settings of a project. A file that is missing or that cannot be opened is
// passed over, as npm does. The error, about one that is no regular file of bounded size, is
// a *problem.Error.
func Read(p Place) (*Config, error) {
	c := &Config{Further: p.Further, env: p.Environ, home: environ.Value(p.Environ, environ.Home)}
	if c.home == "" {
		c.home = environ.Value(p.Environ, environ.UserProfile)
	}
	c.layers = append(c.layers, layer{values: fromEnvironment(p.Environ)})
	project := filepath.Join(p.Root, ".npmrc")
	if project != c.userFile() {
		if err := c.add(".npmrc", project); err != nil {
			return nil, err
		}
	}
	// Each file may say where the next one is.
	c.User = c.userFile()
	if err := c.add(c.shown(c.User), c.User); err != nil {
		return nil, err
	}
	c.Prefix = c.prefix(p)
	c.Global = c.globalFile()
	for _, file := range []string{p.Further, c.Global, inside(p.Builtin, "npmrc")} {
		if err := c.add(file, file); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Below returns the settings of a folder in the project that has an .npmrc of its own, which
// is nearer than the project's; nil if it has none. name is the file for messages. The error is
// that of Read.
func (c *Config) Below(dir, name string) (*Config, error) {
	b := *c
	b.layers = nil
	if err := b.add(name, filepath.Join(dir, ".npmrc")); err != nil || len(b.layers) == 0 {
		return nil, err
	}
	b.layers = slices.Concat(c.layers[:1], b.layers, c.layers[1:])
	return &b, nil
}

// userFile is the file of the user.
func (c *Config) userFile() string {
	if set, _ := c.Text("userconfig"); set != "" {
		return c.path(set)
	}
	return inside(c.home, ".npmrc")
}

// globalFile is the file of the machine.
func (c *Config) globalFile() string {
	if set, _ := c.Text("globalconfig"); set != "" {
		return c.path(set)
	}
	return inside(c.Prefix, "etc", "npmrc")
}

// prefix is the folder of what is installed globally.
func (c *Config) prefix(p Place) string {
	if set, _ := c.Text("prefix"); set != "" {
		return c.path(set)
	}
	if set := environ.Value(p.Environ, environ.NPMGlobalPrefix); set != "" {
		return set
	}
	return p.Prefix
}

// path is a setting's value as a path.
func (c *Config) path(text string) string {
	if rest, ok := strings.CutPrefix(text, "~/"); ok && c.home != "" {
		return filepath.Join(c.home, rest)
	}
	if absolute, err := filepath.Abs(text); err == nil {
		return absolute
	}
	return text
}

// shown is a file as messages name it.
func (c *Config) shown(file string) string {
	if c.home != "" && file == filepath.Join(c.home, ".npmrc") {
		return "~/.npmrc"
	}
	return file
}

// inside joins a path below a folder; empty if there is no folder.
func inside(dir string, names ...string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(append([]string{dir}, names...)...)
}

// add reads a file as the farthest place so far.
func (c *Config) add(name, file string) error {
	if file == "" {
		return nil
	}
	text, err := folder.ReadFile(file)
	switch {
	case errors.Is(err, folder.ErrNotFile), errors.Is(err, folder.ErrTooLarge):
		return &problem.Error{Where: name, What: "cannot be read", Cause: err, Hint: folder.Hint(err)}
	case err != nil:
		return nil //nolint:nilerr // npm passes over a file that is missing or that it may not read
	}
	c.layers = append(c.layers, layer{from: name, values: parse(text, c.env)})
	return nil
}

// fromEnvironment reads npm_config_*, in which letter case does not matter. An empty
// variable sets nothing.
func fromEnvironment(env []string) map[string]value {
	values := map[string]value{}
	for _, entry := range env {
		name, text, _ := strings.Cut(entry, "=")
		key := strings.ToLower(name)
		key, ours := strings.CutPrefix(key, environ.NPMConfigPrefix)
		if !ours || key == "" || text == "" {
			continue
		}
		key = key[:1] + strings.ReplaceAll(key[1:], "_", "-")
		if !secret(key) {
			values[key] = value{text: expand(strings.TrimSpace(text), env), from: name}
		}
	}
	return values
}

// secret reports whether npm hides a setting from scripts: that of a registry or a scope.
func secret(key string) bool {
	return key == "" || strings.ContainsRune("/@_", rune(key[0])) || strings.Contains(key, ":_")
}

// Text returns the value of a key, and the variable or the file that sets it, which is empty
// if nothing does.
func (c *Config) Text(key string) (text, from string) {
	for _, l := range c.layers {
		if v, ok := l.values[key]; ok {
			if v.from == "" {
				v.from = l.from
			}
			return v.text, v.from
		}
	}
	return "", ""
}

// Bool returns the value of a switch, and whether it is set. A value that is neither "true"
// nor "false" sets nothing.
func (c *Config) Bool(key string) (on, set bool) {
	for _, l := range c.layers {
		if v, ok := l.values[key]; ok {
			switch v.text {
			case "true", "":
				return true, true
			case "false", "null":
				return false, true
			}
		}
	}
	return false, false
}

// List returns the values of a key that is written as key[], one a line.
func (c *Config) List(key string) []string {
	for _, l := range c.layers {
		if v, ok := l.values[key]; ok && v.list != nil {
			return v.list
		} else if ok {
			return strings.Split(v.text, "\n\n")
		}
	}
	return nil
}

// Path returns the value of a key that is a path, and otherwise if it is not set.
func (c *Config) Path(key, otherwise string) string {
	if text, _ := c.Text(key); text != "" {
		return c.path(text)
	}
	return otherwise
}

// Home is the user's folder, empty if it is not known.
func (c *Config) Home() string { return c.home }

// Variables returns what the files set as variables, as npm shows it to scripts. What the
// environment sets is not among them.
func (c *Config) Variables() map[string]string {
	all := map[string]string{}
	for _, l := range c.layers[1:] {
		for key, v := range l.values {
			name := environ.NPMConfigPrefix + strings.ToLower(strings.ReplaceAll(key, "-", "_"))
			if _, set := c.layers[0].values[key]; set {
				continue
			}
			if _, nearer := all[name]; !nearer {
				all[name] = v.shown()
			}
		}
	}
	return all
}

// shown is a value as scripts see it.
func (v value) shown() string {
	if v.list != nil {
		return strings.Join(v.list, "\n\n")
	}
	return Shown(v.text)
}

// Shown is the text of a setting as scripts see it: nothing for one that is off.
func Shown(text string) string {
	if text == "false" || text == "null" {
		return ""
	}
	return text
}

// reference is ${NAME}, or ${NAME?} for a variable that need not be set.
var reference = regexp.MustCompile(`(\\*)\$\{([^${}?]+)(\?)?\}`)

// Literal returns a text that npm reads as that text: in it no variable is filled in.
func Literal(text string) string {
	return reference.ReplaceAllStringFunc(text, func(m string) string {
		return strings.Repeat(`\`, strings.IndexByte(m, '$')+1) + m
	})
}

// expand fills in variables (@npmcli/config, env-replace.js). One that is not set stays as
// it is written; a backslash keeps one from being filled in.
func expand(text string, env []string) string {
	return reference.ReplaceAllStringFunc(text, func(m string) string {
		found := reference.FindStringSubmatch(m)
		escapes, name := len(found[1]), found[2]
		if escapes%2 == 1 {
			return m[(escapes+1)/2:]
		}
		v, set := environ.Lookup(env, name)
		if !set && found[3] == "" {
			v = "${" + name + "}"
		}
		return m[:escapes/2] + v
	})
}
