package script

import (
	"cmp"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/npmconfig"
	"github.com/heapmage/heapmage/internal/pkgmanager"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// userOptions are the options that the user set for every Node process, merged from all
// places that count.
type userOptions struct {
	words []string // without heap limits: what Node reads, then what it does not
	// limit is the old-space limit, zero if there is none, and limitFrom where it is set.
	limit     memtools.Bytes
	limitFrom string
	// deadWord is the first word behind which Node reads nothing, and deadFrom where it
	// stands; empty if there is none.
	deadWord, deadFrom string
}

// optionsText is a value of NODE_OPTIONS, or of the setting of a package manager that
// replaces it, and the variable or the file that has it.
type optionsText struct{ from, text string }

// mergeOptions merges texts; the heap limit of a later one counts. total is the memory that
// a limit in percent is of. The error is a *problem.Error.
func mergeOptions(total memtools.Bytes, texts ...optionsText) (u userOptions, err error) {
	var dead []string
	for _, t := range texts {
		words, err := splitNodeOptions(t.text)
		if err != nil {
			return u, &problem.Error{Where: t.from, What: "its options for Node cannot be read", Cause: err, Hint: "node itself refuses them: fix the quotes"}
		}
		dead = append(dead, u.take(t.from, words, total)...)
	}
	u.words = append(u.words, dead...)
	return u, nil
}

// take takes over what Node reads of the options of one place, and returns the rest.
func (u *userOptions) take(from string, options []string, total memtools.Bytes) (dead []string) {
	read, dead := live(slices.DeleteFunc(options, v8heap.IsPreload)) // of an outer heapmage: ours takes its place
	if limit, ok := heapLimitOf(read, total); ok {
		u.limit, u.limitFrom = limit, from
	}
	if len(dead) > 0 && u.deadFrom == "" {
		u.deadWord, u.deadFrom = dead[0], from
	}
	u.words = append(u.words, withoutHeapLimit(read)...)
	return withoutHeapLimit(dead)
}

// withOurs returns the options for a Node process: ours first, where no word of the user
// can stop them, with the one heap limit. A limit of zero is the user's.
func (u userOptions) withOurs(ours []string, limit memtools.Bytes) []string {
	limit = cmp.Or(limit, u.limit)
	var all []string
	if limit > 0 {
		all = append(all, heapFlag(limit))
	}
	return slices.Concat(all, ours, u.words)
}

// readNested finds the variables that keep a package manager inside a script from putting
// a setting of the user in place of NODE_OPTIONS.
func (s *Settings) readNested(total memtools.Bytes, env, file optionsText) {
	s.nested = map[string]userOptions{}
	major := s.major()
	pnpm := s.ws.Manager == workspace.PNPM
	if text, from := s.config.Text("node-options"); text != "" {
		// A manager that does not obey the setting itself may still run npm.
		if other, err := mergeOptions(0, env, optionsText{from, text}); err == nil { // else Node refuses it there
			s.nested[npmNodeOptions] = other
		}
	}
	if file.text == "" {
		return
	}
	if !pnpm || major < 11 {
		s.nested[npmNodeOptions] = s.options
	}
	if pnpm && (major == 0 || major >= 11) {
		s.nested[pnpmNodeOptions] = s.options
	}
	s.flagged = pnpm && major == 10 && file.from == pkgmanager.PNPMFile
}

// The variables of the setting.
const (
	npmNodeOptions  = environ.NPMConfigPrefix + "node_options"
	pnpmNodeOptions = environ.PNPMConfigPrefix + "node_options"
)

// nodeOptionsFlag is how pnpm 10 takes the setting, if pnpm-workspace.yaml has it.
const nodeOptionsFlag = "--config.node-options="

// text is the value of NODE_OPTIONS with ours.
func (u userOptions) text(o Options) string {
	return joinNodeOptions(u.withOurs(o.NodeOptions, o.HeapLimit))
}

// setNested sets those variables. Under another spelling the user's would count as well.
func (s *Settings) setNested(env variables, o Options) {
	for name, user := range s.nested {
		for known := range env {
			if strings.EqualFold(strings.ReplaceAll(known, "-", "_"), name) {
				delete(env, known)
			}
		}
		text := user.text(o)
		// pnpm 11 fills in nothing in its own variable, nor pnpm 10 in a flag.
		if name == npmNodeOptions && !s.flagged || name == pnpmNodeOptions && s.major() >= 12 {
			text = npmconfig.Literal(text)
		}
		env.set(name, text)
	}
}
