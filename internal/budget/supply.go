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
	// Max is the most that the run may use, and Source what sets it.
	Max    memtools.Bytes
	Source Source
	// Limits are those of now.
	Limits memtools.Limits
}

// Check compares the supply with the largest known need, which is that of task. Zero
// means unknown and counts as minFree. If the supply is too small, build:safe refuses to
// start, and the other modes give a notice.
func (s Supply) Check(mode event.Mode, need memtools.Bytes, task string) (event.Notice, error) {
	because := fmt.Sprintf("%s needs %v", task, need)
	if need == 0 {
		need, because = minFree, fmt.Sprintf("a build without history wants %v", minFree)
	}
	free, why := s.Limits.Available, s.taken()
	if s.Max <= free {
		free, why = s.Max, s.Source.allows()
	}
	if free >= need {
		return event.Notice{}, nil
	}
	short, hint := fmt.Sprintf("only %v of memory may be used (%s)", free, why), s.Advice(need)
	if mode == event.Safe {
		return event.Notice{}, &problem.Error{What: "not enough memory to start: " + short + ", " + because, Hint: hint, Code: problem.ExitNoMemory}
	}
	return event.Notice{Kind: event.ShortMemory, Text: "O" + short[1:], Hint: hint}, nil
}

// Advice tells how the run can get need: what to raise, or what to end if all else that
// holds memory is in its way. It continues a sentence.
func (s Supply) Advice(need memtools.Bytes) string {
	if s.Max < need {
		return s.Source.raise(need)
	}
	place, _ := s.tightest()
	if place.bound == machine {
		return "close other programs, which hold the memory"
	}
	advice := "end other processes in " + place.of()
	if more := place.raise(need + place.size - s.Limits.Available); more != "" {
		advice += ", or " + more
	}
	return advice
}

// taken tells what leaves so little.
func (s Supply) taken() string {
	place, used := s.tightest()
	if place.bound == machine {
		return "other programs hold the rest"
	}
	return fmt.Sprintf("%s, of which %s are in use", place.allows(), figure(used/memtools.MB*memtools.MB))
}

// tightest is the memory of which the least is available, and what is used of it.
func (s Supply) tightest() (place Source, used memtools.Bytes) {
	for _, c := range s.Limits.Cgroups {
		for _, size := range []memtools.Bytes{c.Limit, c.Soft} {
			if size > 0 && max(size-c.Used, 0) <= s.Limits.Available {
				place.bound, place.name = kindOf(c.Path)
				place.size, place.soft = size, size != c.Limit
				return place, c.Used
			}
		}
	}
	return Source{bound: machine, size: s.Limits.Machine}, s.Limits.Machine - s.Limits.Available
}
