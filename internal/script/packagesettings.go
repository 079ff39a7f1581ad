package script

import (
	"os"
	"path"
	"slices"

	"github.com/heapmage/heapmage/internal/dotenv"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/internal/yarnfiles"
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

// Declared are the names of the variables that the manager reads from files for a package's
// scripts: the repository gives them, so they change what its tasks do.
func (s *Settings) Declared(pkg *workspace.Package) (names []string) {
	for _, v := range s.of(pkg).variables {
		names = append(names, v.Name)
	}
	return names
}

// readPackages reads what packages have of their own: an .npmrc under pnpm, and under yarn the
// files of variables. Every error is a *problem.Error.
func (s *Settings) readPackages(t nodeTexts, env []string) (err error) {
	s.packages = map[string]packageSettings{}
	var files *yarnfiles.Files
	yarn := s.ws.Berry() && s.major() >= yarnfiles.FirstMajor
	if yarn {
		if files, err = yarnfiles.Read(s.ws.Root, env); err != nil {
			return err
		}
	}
	for _, pkg := range s.ws.All() {
		var own packageSettings
		found := false
		switch {
		case yarn:
			own, found, err = s.readVariables(pkg, files, t, env)
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

// readVariables reads what the files of yarn set for a package's scripts.
func (s *Settings) readVariables(pkg *workspace.Package, files *yarnfiles.Files, t nodeTexts, env []string) (own packageSettings, found bool, err error) {
	if own.variables, err = files.Of(pkg.Dir, env); err != nil || len(own.variables) == 0 {
		return own, false, err
	}
	for _, e := range own.variables {
		if environ.SameName(e.Name, environ.NodeOptions) {
			own.read = true
			t.file = nodeoptions.Text{From: yarnfiles.Usual, Value: e.Value}
		}
	}
	own.nodeSettings, err = s.readNode(t, s.config)
	return own, true, err
}

// setRead keeps a yarn inside a script from reading the files again.
func (o packageSettings) setRead(env variables) {
	if o.read {
		env.set(environ.YarnFiles, os.DevNull+"?")
	}
}
