package script

import (
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/nodeoptions"
	"github.com/heapmage/heapmage/internal/npmconfig"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// readNested finds the variables that keep a package manager inside a script from putting
// a setting of the user in place of NODE_OPTIONS.
func (s *Settings) readNested(total memtools.Bytes, env, file nodeoptions.Text) {
	s.nested = map[string]nodeoptions.User{}
	major := s.major()
	pnpm := s.ws.Manager == workspace.PNPM
	if text, from := s.config.Text("node-options"); text != "" {
		// A manager that does not obey the setting itself may still run npm.
		if other, err := nodeoptions.Merge(total, env, nodeoptions.Text{From: from, Value: text}); err == nil { // else Node refuses it there
			s.nested[npmNodeOptions] = other
		}
	}
	if file.Value == "" {
		return
	}
	if !pnpm || major < 11 {
		s.nested[npmNodeOptions] = s.options
	}
	if pnpm && (major == 0 || major >= 11) {
		s.nested[pnpmNodeOptions] = s.options
	}
	s.flagged = pnpm && major == 10 && file.From == pkgmanager.PNPMFile
}

// The variables of the setting.
const (
	npmNodeOptions  = environ.NPMConfigPrefix + "node_options"
	pnpmNodeOptions = environ.PNPMConfigPrefix + "node_options"
)

// nodeOptionsFlag is how pnpm 10 takes the setting, if pnpm-workspace.yaml has it.
const nodeOptionsFlag = "--config.node-options="

// setNested sets those variables. Under another spelling the user's would count as well.
func (s *Settings) setNested(env variables, o Options) {
	for name, user := range s.nested {
		for known := range env {
			if strings.EqualFold(strings.ReplaceAll(known, "-", "_"), name) {
				delete(env, known)
			}
		}
		text := user.Text(o.NodeOptions, o.HeapLimit)
		// pnpm 11 fills in nothing in its own variable, nor pnpm 10 in a flag.
		if name == npmNodeOptions && !s.flagged || name == pnpmNodeOptions && s.major() >= 12 {
			text = npmconfig.Literal(text)
		}
		env.set(name, text)
	}
}
