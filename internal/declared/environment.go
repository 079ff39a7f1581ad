package declared

import "github.com/heapmage/heapmage/internal/jsonc"

// Environment is what turbo.json declares of the variables of all tasks.
type Environment struct {
	// Env and PassThroughEnv are patterns as those of a Task, and hold beside them.
	Env, PassThroughEnv []string
	// Loose is true if tasks get all variables, declared or not: by "envMode", or with a
	// "pipeline" (Turborepo 1) that passes none through.
	Loose bool
	// From is the file; empty if there is none.
	From string
}

// Environment returns what turbo.json declares of the variables of all tasks.
func (m *Model) Environment() Environment {
	for _, s := range m.sources {
		if t, ok := s.(*turbo); ok {
			f := t.root
			loose := f.envMode == "loose" || f.envMode != "strict" && f.version1 && f.throughAll == nil
			return Environment{f.envAll, f.throughAll, loose, f.Path}
		}
	}
	return Environment{}
}

// GlobalDependencies are globs of files that all tasks depend on, relative to the workspace;
// "!" excludes.
func (m *Model) GlobalDependencies() []string {
	for _, s := range m.sources {
		if t, ok := s.(*turbo); ok {
			return t.root.filesAll
		}
	}
	return nil
}

// readEnvironment reads a key of the file if it is on the variables of all tasks.
func (f *turboFile) readEnvironment(field jsonc.Field) (err error) {
	switch field.Name {
	case "globalEnv":
		f.envAll, err = f.Texts(field.Value, field.Name)
	case "globalPassThroughEnv":
		f.throughAll, err = f.Texts(field.Value, field.Name)
	case "pipeline":
		f.version1 = true
	case "envMode":
		f.envMode, _ = jsonc.Text(field.Value) // anything else is no mode
	}
	return err
}
