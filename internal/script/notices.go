package script

import (
	"fmt"
	"strconv"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Notices are what the user should know about the settings before scripts of these packages
// run.
func (s *Settings) Notices(packages []*workspace.Package) (all []event.Notice) {
	if s.DeadSource != "" {
		all = append(all, event.Notice{Kind: event.OptionsDead,
			Text: fmt.Sprintf("%s: %s is not an option: Node ignores it and all that follows", s.DeadSource, strconv.Quote(s.DeadWord)),
			Hint: "remove the word, or fix its quotes"})
	}
	if s.MergedFrom != "" {
		all = append(all, event.Notice{Kind: event.OptionsMerged, Text: "The node options of " + s.MergedFrom + " are merged into NODE_OPTIONS"})
	}
	if unfit := s.unfit(packages); unfit != nil {
		all = append(all, event.Notice{Kind: event.WorkspaceOdd, Text: fmt.Sprintf("Scripts call %s, and %s %s", s.ws.Manager, unfit.Where, unfit.What), Hint: unfit.Hint})
	}
	return all
}
