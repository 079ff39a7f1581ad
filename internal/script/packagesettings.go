package script

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
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
)

// packageSettings are what holds for the scripts of one package.
type packageSettings struct {
	nodeSettings
	// variables are those that yarn reads from files when it starts.
	variables []dotenv.Entry
	// read is set if one of them is NODE_OPTIONS: a yarn inside a script must not read the
	// files again.
	read bool
}

// of returns what holds for a package.
func (s *Settings) of(pkg *workspace.Package) packageSettings {
	if own, ok := s.packages[pkg.Dir]; ok {
		return own
	}
	return packageSettings{nodeSettings: s.nodeSettings}
}

// Environ completes the environment of a run for a package's scripts: with the variables that
// the manager reads from files, and with all options for Node that the user set, in whatever
// place.
func (s *Settings) Environ(pkg *workspace.Package, env []string) []string {
	own := s.of(pkg)
	if options := own.options.Text(nil, 0); options != "" {
		env = append(slices.Clip(env), environ.NodeOptions+"="+options)
	}
	for _, v := range own.variables {
		if !environ.SameName(v.Name, environ.NodeOptions) {
			env = append(slices.Clip(env), v.Name+"="+v.Value)
		}
	}
	return env
}

// readPackages reads what packages have of their own: an .npmrc under pnpm, and under yarn the
// files of variables. Every error is a *problem.Error.
func (s *Settings) readPackages(t nodeTexts, env []string) (err error) {
	s.packages = map[string]packageSettings{}
	var shared []dotenv.Entry
	yarn := s.ws.Berry() && s.major() >= firstWithFiles
	if yarn {
		if shared, err = s.readShared(env); err != nil {
			return err
		}
	}
	for _, pkg := range s.ws.All() {
		var own packageSettings
		found := false
		switch {
		case yarn:
			own, found, err = s.readVariables(pkg, shared, t, env)
		case s.ws.Manager == workspace.PNPM && pkg.Dir != ".":
			own.nodeSettings, found, err = s.readPackageRC(pkg, t)
		}
		if err != nil {
			return err
		}
		if found {
			s.packages[pkg.Dir] = own
		}
	}
	return nil
}

// readPackageRC reads the options for Node in a package's own .npmrc. pnpm 9 and 10 obey
// them when they run in the package's folder, as npm does in every workspace of pnpm.
func (s *Settings) readPackageRC(pkg *workspace.Package, t nodeTexts) (n nodeSettings, found bool, err error) {
	name := path.Join(pkg.Dir, ".npmrc")
	config, err := s.config.Below(pkg.Path, name)
	if config == nil || err != nil {
		return n, false, err
	}
	text, from := config.Text("node-options")
	if from != name {
		return n, false, nil
	}
	if major := s.major(); t.file.From != pkgmanager.PNPMFile && major < 11 && major != 8 {
		t.file = nodeoptions.Text{From: from, Value: text}
	}
	n, err = s.readNode(t, config)
	return n, true, err
}

// firstWithFiles is the first major version of yarn with injectEnvironmentFiles.
const firstWithFiles = 4

// usualFile is what yarn reads if nothing is configured, in the folder in which it starts.
const usualFile = ".env.yarn"

// readShared returns the variables of the files that yarn reads for all packages: those that
// injectEnvironmentFiles names, or the root's usual one.
func (s *Settings) readShared(env []string) (all []dotenv.Entry, err error) {
	names, where := []string{usualFile + "?"}, usualFile
	file, err := pkgmanager.ReadSettings(s.ws.Root, pkgmanager.BerryFile)
	if err != nil {
		return nil, err
	}
	var y struct {
		Files *[]string `yaml:"injectEnvironmentFiles"`
	}
	if err := file.Decode(&y); err != nil {
		if wrong, ok := errors.AsType[*problem.Error](err); ok {
			wrong.Hint = "injectEnvironmentFiles is a list of files"
		}
		return nil, err
	}
	variable, set := environ.Lookup(env, environ.YarnFiles)
	switch {
	case set:
		names, where = strings.Split(variable, ","), environ.YarnFiles
	case y.Files != nil:
		names, where = *y.Files, pkgmanager.BerryFile
	}
	s.fixedFiles = set || y.Files != nil
	for _, name := range names {
		name, may := strings.CutSuffix(name, "?")
		if !filepath.IsAbs(name) {
			name = filepath.Join(s.ws.Root, name)
		}
		text, err := readVariables(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && may:
			continue
		case err != nil:
			return nil, &problem.Error{Where: where, What: "injectEnvironmentFiles names a file that cannot be read", Cause: err,
				Hint: cmp.Or(folder.Hint(err), `create it, or write "?" behind its name if it may be missing`)}
		}
		all = append(all, dotenv.Parse(text)...)
	}
	return all, nil
}

// readVariables returns what the files set for a package's scripts: those of the run, then
// its own, as a yarn in the package's folder inside another yarn has them.
func (s *Settings) readVariables(pkg *workspace.Package, shared []dotenv.Entry, t nodeTexts, env []string) (own packageSettings, found bool, err error) {
	entries := slices.Clone(shared)
	if !s.fixedFiles && pkg.Dir != "." {
		entries = append(entries, dotenv.Parse(folder.Read(pkg.Path, usualFile))...)
	}
	for _, e := range entries {
		if e.Value, err = fillIn(e.Value, env); err != nil {
			return own, false, &problem.Error{Where: path.Join(pkg.Dir, usualFile), What: e.Name + " cannot be set", Cause: err,
				Hint: "yarn refuses it too: set the variable, or write ${NAME:-default}"}
		}
		env = append(slices.Clip(env), e.Name+"="+e.Value)
		own.variables = append(own.variables, e)
		if environ.SameName(e.Name, environ.NodeOptions) {
			own.read = true
			t.file = nodeoptions.Text{From: usualFile, Value: e.Value}
		}
	}
	own.nodeSettings, err = s.readNode(t, s.config)
	return own, len(entries) > 0, err
}

// readVariables reads a file. An empty one is what a device has.
func readVariables(file string) ([]byte, error) {
	if file == os.DevNull {
		return nil, nil
	}
	return folder.ReadFile(file)
}

// variableIn is ${NAME}, ${NAME-default} or ${NAME:-default}.
var variableIn = regexp.MustCompile(`\\?\$\{(\w+)(:)?(?:-([^}]*))?\}`)

// fillIn fills in variables as yarn does (miscUtils.replaceEnvVariables).
func fillIn(text string, env []string) (filled string, err error) {
	filled = variableIn.ReplaceAllStringFunc(text, func(m string) string {
		found := variableIn.FindStringSubmatch(m)
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

// setRead keeps a yarn inside a script from reading the files again.
func (o packageSettings) setRead(env variables) {
	if o.read {
		env.set(environ.YarnFiles, os.DevNull+"?")
	}
}
