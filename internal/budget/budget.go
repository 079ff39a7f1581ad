// Package budget decides how much memory a run may use. There are two such figures: the
// maximum, which is fixed when the run begins (Max), and the part of it that other
// programs leave at the moment (Now).
package budget

import (
	"fmt"

	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/event"
	"github.com/heapmage/heapmage/memtools"
)

// managedMax is the most that build:managed uses unless configured.
const managedMax = 8 * memtools.GB

// Max is the most that a run may use under the given limits, and what sets it.
func Max(mode event.Mode, set Setting, l memtools.Limits) (memtools.Bytes, Source) {
	memory := sourceOf(l)
	total := memory.size
	if !set.Size.IsZero() {
		b := set.Size.Of(total)
		if b > total {
			memory.text = fmt.Sprintf("%v, which is more than there is: %s", set, memory.text)
			return total, memory
		}
		return b, Source{bound: setting, name: set.name(), size: b, configured: set.Size.String(), within: &memory, text: set.String()}
	}
	kept := min(reserve(total), total/2)
	b := total - kept
	if mode == event.Managed && b > managedMax {
		return managedMax, Source{bound: managed, size: managedMax, within: &memory, text: fmt.Sprintf("the %s of build:managed", managedMax.Short())}
	}
	memory.text = fmt.Sprintf("%v less a reserve of %v, %s", total.Short(), kept.Short(), memory.text)
	return b, memory
}

// reserve is the part of total that stays free for the unforeseen: a twentieth, but at
// least 128 MB; below 1 GB an eighth, but at least 64 MB.
func reserve(total memtools.Bytes) memtools.Bytes {
	return max(total/20, min(total/8, 128*memtools.MB), 64*memtools.MB)
}

// Now returns how much of the maximum a run may use at this moment: what it uses plus
// what is available, less the reserve or half of it, whichever is less, but no more than
// the maximum. So if others leave nothing, usage is at most twice the budget. It is at
// least 1 byte.
func Now(most, usage, available memtools.Bytes) memtools.Bytes {
	held := usage + available
	return max(min(most, held-min(reserve(most), held/2)), 1)
}

// HeapCeiling returns the highest V8 heap limit of a Node process: the configured size,
// of which a share counts against total, or else the default of the mode.
func HeapCeiling(mode event.Mode, configured memtools.Size, total memtools.Bytes) memtools.Bytes {
	switch {
	case !configured.IsZero():
		return configured.Of(total)
	case mode == event.Safe:
		return 16 * memtools.GB
	default:
		return 8 * memtools.GB
	}
}

// Thresholds are the configured shares of the budget from which usage is high.
func Thresholds(m config.Monitor) memtools.Thresholds {
	return memtools.Thresholds{Warning: m.Warning / 100, Critical: m.Critical / 100}
}
