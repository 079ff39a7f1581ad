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

// nodeSettings are the options for Node that the user set for scripts, and what keeps a
// package manager inside a script from putting one of its settings in their place.
type nodeSettings struct {
	options nodeoptions.User
	nested  map[string]nodeoptions.User // by the variable that such a manager obeys
	flagged bool                        // it obeys no variable, only a flag
}

// nodeTexts are what options for Node are merged from. A heap limit in percent is of total.
type nodeTexts struct {
	total          memtools.Bytes
	variable, file nodeoptions.Text // NODE_OPTIONS, and the setting that the workspace's manager obeys
}

// readNode merges the options. config has the settings of npm. The error is a *problem.Error.
func (s *Settings) readNode(t nodeTexts, config *npmconfig.Config) (n nodeSettings, err error) {
	if n.options, err = nodeoptions.Merge(t.total, t.variable, t.file); err != nil {
		return n, err
	}
	n.nested = map[string]nodeoptions.User{}
	major := s.major()
	pnpm := s.ws.Manager == workspace.PNPM
	if text, from := config.Text("node-options"); text != "" {
		// A manager that does not obey the setting itself may still run npm.
		if other, err := nodeoptions.Merge(t.total, t.variable, nodeoptions.Text{From: from, Value: text}); err == nil { // else Node refuses it there
			n.nested[npmNodeOptions] = other
		}
	}
	if t.file.Value == "" || s.ws.Berry() { // which keeps to a variable of its own
		return n, nil
	}
	if !pnpm || major < 11 {
		n.nested[npmNodeOptions] = n.options
	}
	if pnpm && (major == 0 || major >= 11) {
		n.nested[pnpmNodeOptions] = n.options
	}
	n.flagged = pnpm && major == 10 && t.file.From == pkgmanager.PNPMFile
	return n, nil
}

// The variables of the setting.
const (
	npmNodeOptions  = environ.NPMConfigPrefix + "node_options"
	pnpmNodeOptions = environ.PNPMConfigPrefix + "node_options"
)

// nodeOptionsFlag is how pnpm 10 takes the setting, if pnpm-workspace.yaml has it.
const nodeOptionsFlag = "--config.node-options="

// setNested sets those variables. Under another spelling the user's would count as well.
func (s *Settings) setNested(env variables, n nodeSettings, o Options) {
	for name, user := range n.nested {
		for known := range env {
			if strings.EqualFold(strings.ReplaceAll(known, "-", "_"), name) {
				delete(env, known)
			}
		}
		text := user.Text(o.NodeOptions, o.HeapLimit)
		// pnpm 11 fills in nothing in its own variable, nor pnpm 10 in a flag.
		if name == npmNodeOptions && !n.flagged || name == pnpmNodeOptions && s.major() >= 12 {
			text = npmconfig.Literal(text)
		}
		env.set(name, text)
	}
}
