package budget

import (
	"fmt"

	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

// minFree is the free memory below which a build without history will probably
// fail: the largest packages of public repositories need more.
const minFree = memtools.GB

// Supply is the memory that a run may use, and what bounds it.
type Supply struct {
	// Available is what is free now, under the limit that AvailableSource names.
	Available       memtools.Bytes
	AvailableSource string
	// Max is the most that the run may use, and MaxSource what set it.
	Max       memtools.Bytes
	MaxSource string
}

// Check compares the supply with the largest known need, which is that of task. Zero
// means unknown and counts as minFree. If the supply is too small, build:safe refuses to
// start, and the other modes give a notice.
func (s Supply) Check(mode event.Mode, need memtools.Bytes, task string) (event.Notice, error) {
	because := fmt.Sprintf("%s needs %v", task, need)
	if need == 0 {
		need, because = minFree, fmt.Sprintf("a build without history wants %v", minFree)
	}
	free, source := s.Available, s.AvailableSource
	if s.Max < free {
		free, source = s.Max, s.MaxSource
	}
	if free >= need {
		return event.Notice{}, nil
	}
	const hint = "close other programs, raise the container's memory, or raise budget: in heapmage.yaml"
	short := fmt.Sprintf("only %v of memory may be used (%s)", free, source)
	if mode == event.Safe {
		return event.Notice{}, &problem.Error{What: "not enough memory to start: " + short + ", " + because, Hint: hint, Code: problem.ExitNoMemory}
	}
	return event.Notice{Kind: event.ShortMemory, Text: "O" + short[1:], Hint: hint}, nil
}
