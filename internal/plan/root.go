package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// mentionRoot adds a notice that the root's script does not run, if that matters: beside
// having the packages' scripts run it does more, or most packages have none, so that the
// root's may build them all.
func (p *Plan) mentionRoot(selected []*workspace.Package) {
	root := p.Workspace.RootPackage
	if root == nil || slices.Contains(selected, root) || !p.has(root) {
		return
	}
	have := 0
	for _, pkg := range selected {
		if p.has(pkg) {
			have++
		}
	}
	name, _ := p.script(root, p.Target)
	work, fansOut := scripttext.OwnWork(root.Scripts, name)
	switch {
	case len(work) == 0 && fansOut:
	case 2*have < len(selected):
		verb := "have"
		if have == 1 {
			verb = "has"
		}
		p.notice(event.RootLeftOut, fmt.Sprintf("%d of %d packages %s a %s script; the root's does not run (-workspace=. runs it)", have, len(selected), verb, p.Target))
	case len(work) > 0 && fansOut && (p.Target == "build" || p.Target == "clean"):
		p.Notices = append(p.Notices, event.Notice{Kind: event.RootLeftOut,
			Text: fmt.Sprintf("The root's %s does more than the packages' scripts, and does not run: %s", name, shown(work)),
			Hint: fmt.Sprintf("if the packages need it, put it into a script of the root and name that: tasks: {%s: {dependsOn: [^%[1]s, \"//#SCRIPT\"]}}", p.Target)})
	}
}

// shown lists commands, as many as fit a line.
func shown(work []string) string {
	const most = 60
	text := work[0]
	for i, w := range work[1:] {
		if len(text)+len(w) > most {
			return fmt.Sprintf("%s and %d more", text, len(work)-1-i)
		}
		text += ", " + w
	}
	if len(text) > 2*most {
		text = strings.ToValidUTF8(text[:2*most], "") + "…"
	}
	return text
}
