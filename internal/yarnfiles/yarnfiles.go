// Package yarnfiles reads the files from which yarn 4 and newer take variables when they start:
// those of injectEnvironmentFiles.
package yarnfiles

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/dotenv"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
)

// FirstMajor is the first major version of yarn that has such files.
const FirstMajor = 4

// Usual is the file that yarn reads if nothing is configured, in the folder in which it starts.
const Usual = ".env.yarn"

// Files are those of a workspace.
type Files struct {
	root   string
	shared []dotenv.Entry // of the files that are read for all packages
	fixed  bool           // they are configured: no package has one of its own
}

// Read reads the files that yarn reads for all packages: those that the environment or
// .yarnrc.yml names, or the root's usual one. Every error is a *problem.Error.
func Read(root string, env []string) (*Files, error) {
	settings, err := pkgmanager.ReadSettings(root, pkgmanager.BerryFile)
	if err != nil {
		return nil, err
	}
	var y struct {
		Files *[]string `yaml:"injectEnvironmentFiles"`
	}
	if err := settings.Decode(&y); err != nil {
		if wrong, ok := errors.AsType[*problem.Error](err); ok {
			wrong.Hint = "injectEnvironmentFiles is a list of files"
		}
		return nil, err
	}
	f := &Files{root: root, fixed: true}
	names, where := []string{Usual + "?"}, Usual
	variable, set := environ.Lookup(env, environ.YarnFiles)
	switch {
	case set:
		names, where = strings.Split(variable, ","), environ.YarnFiles
	case y.Files != nil:
		names, where = *y.Files, pkgmanager.BerryFile
	default:
		f.fixed = false
	}
	for _, name := range names {
		if err := f.add(where, name); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// add reads a file. "?" ends the name of one that may be missing, or unreadable.
func (f *Files) add(where, name string) error {
	name, may := strings.CutSuffix(name, "?")
	if !filepath.IsAbs(name) {
		name = filepath.Join(f.root, name)
	}
	if name == os.DevNull {
		return nil
	}
	text, err := folder.ReadFile(name)
	if err != nil && !(may && errors.Is(err, fs.ErrNotExist)) {
		return &problem.Error{Where: where, What: "injectEnvironmentFiles names a file that cannot be read", Cause: err,
			Hint: cmp.Or(folder.Hint(err), `create it, or write "?" behind its name if it may be missing`)}
	}
	f.shared = append(f.shared, dotenv.Parse(text)...)
	return nil
}

// Of returns what the files set for the scripts of the package in a folder below the root, in
// their order: those of all packages, then its own, as a yarn in that folder has it that
// another yarn started. env fills in ${NAME}. The error is a *problem.Error.
func (f *Files) Of(dir string, env []string) (entries []dotenv.Entry, err error) {
	entries = slices.Clone(f.shared)
	if !f.fixed && dir != "." {
		entries = append(entries, dotenv.Parse(folder.Read(filepath.Join(f.root, dir), Usual))...)
	}
	for i, e := range entries {
		if e.Value, err = fillIn(e.Value, env); err != nil {
			return nil, &problem.Error{Where: path.Join(dir, Usual), What: e.Name + " cannot be set", Cause: err,
				Hint: "yarn refuses it too: set the variable, or write ${NAME:-default}"}
		}
		env = append(slices.Clip(env), e.Name+"="+e.Value)
		entries[i] = e
	}
	return entries, nil
}

// reference is ${NAME}, ${NAME-default} or ${NAME:-default}.
var reference = regexp.MustCompile(`\\?\$\{(\w+)(:)?(?:-([^}]*))?\}`)

// fillIn fills in variables as yarn does (miscUtils.replaceEnvVariables).
func fillIn(text string, env []string) (filled string, err error) {
	filled = reference.ReplaceAllStringFunc(text, func(m string) string {
		found := reference.FindStringSubmatch(m)
		value, set := environ.Lookup(env, found[1])
		switch {
		case m[0] == '\\':
			return m[1:]
		case value != "" || set && found[2] == "":
			return value
		case strings.Contains(m, "-"):
			return found[3]
		}
		err = errors.New("the variable " + found[1] + " is not set")
		return m
	})
	return filled, err
}
