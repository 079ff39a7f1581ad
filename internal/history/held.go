package history

import (
	"slices"

	"github.com/heapmage/heapmage/memtools"
)

// record is a Sample as it lies in memory: 48 bytes and no pointer, since a large
// workspace has 100,000 of them.
type record struct {
	time                int64 // ms since 1970; zero is unknown
	peak, heap, sources memtools.Bytes
	duration, cpu       uint32 // ms
	tool, versions      uint16 // in held.texts
	outcome             uint8  // in outcomes
}

// held is what is known of each task. The zero value is empty.
type held struct {
	tasks map[string][]record
	texts []string // tools and versions; the first is ""
	index map[string]uint16
}

// add appends x, which is normal, to what is held of task.
func (h *held) add(task string, x Sample) {
	h.addRecord(task, record{
		time: epoch(x.Time), peak: x.Peak, heap: x.HeapLimit, sources: x.Sources,
		duration: millis(x.Duration), cpu: millis(x.CPU),
		tool: intern(h, x.Tool), versions: intern(h, x.Versions),
		outcome: uint8(max(0, slices.Index(outcomes[:], x.Outcome))),
	})
}

func (h *held) addRecord(task string, r record) {
	if h.tasks == nil {
		h.tasks = map[string][]record{}
	}
	h.tasks[task] = push(h.tasks[task], r)
}

// push appends r and, where there are too many then, drops the oldest that no
// prediction rests on. So a week of failing runs does not make a task unknown.
func push(rs []record, r record) []record {
	if len(rs) < Kept {
		if len(rs) == cap(rs) { // append would end at room for more than Kept
			grown := make([]record, len(rs), min(Kept, max(2, 2*cap(rs))))
			copy(grown, rs)
			rs = grown
		}
		return append(rs, r)
	}
	var all [Kept + 1]record
	copy(all[:], rs)
	all[Kept] = r
	needed := support(all[:])
	drop := 0
	for needed[drop] { // they are eighteen at most
		drop++
	}
	copy(rs[drop:], all[drop+1:])
	return rs
}

// support marks the samples that predictions rest on: the successes that count,
// or without any the largest failure; and of the runs that memory cut off those
// with the largest peak and the largest heap limit, both since the fifth last
// success and since the last; and, however old, what shows that a heap limit is
// needed, or the task would die again once it has succeeded often enough.
func support(rs []record) (needed [Kept + 1]bool) {
	largest := func(from int, size func(record) (memtools.Bytes, bool)) {
		at, most := -1, memtools.Bytes(0)
		for i := from; i < len(rs); i++ {
			if n, ok := size(rs[i]); ok && n >= most {
				at, most = i, n
			}
		}
		if at >= 0 {
			needed[at] = true
		}
	}
	first, afterLast, successes := 0, 0, 0
	for i := len(rs) - 1; i >= 0 && successes < window; i-- {
		if outcomes[rs[i].outcome] != Succeeded {
			continue
		}
		if successes++; successes == 1 {
			afterLast = i + 1
		}
		if successes == window {
			first = i
		}
	}
	marks, top := counted(len(rs), func(i int) work[uint16] {
		r := rs[i]
		return work[uint16]{outcomes[r.outcome] == Succeeded, fromEpoch(r.time), fromMillis(r.cpu), r.sources, r.tool}
	})
	if copy(needed[:], marks); top >= 0 {
		needed[top] = true
	}
	for _, from := range [...]int{first, afterLast} {
		largest(from, func(r record) (memtools.Bytes, bool) { return r.peak, outcomes[r.outcome].censored() })
		largest(from, func(r record) (memtools.Bytes, bool) { return r.heap, outcomes[r.outcome] == OutOfHeap })
	}
	_, died, sufficed := provenHeap(len(rs), func(i int) (Outcome, memtools.Bytes) { return outcomes[rs[i].outcome], rs[i].heap })
	for _, i := range [...]int{died, sufficed} {
		if i >= 0 {
			needed[i] = true
		}
	}
	if successes == 0 {
		largest(0, func(r record) (memtools.Bytes, bool) { return r.peak, outcomes[r.outcome] == Failed })
	}
	return needed
}

// samples appends what is held of task to dst.
func (h *held) samples(dst []Sample, task string) []Sample {
	for _, r := range h.tasks[task] {
		dst = append(dst, h.sample(r))
	}
	return dst
}

func (h *held) sample(r record) Sample {
	return Sample{
		Time: fromEpoch(r.time), Outcome: outcomes[r.outcome], Peak: r.peak,
		Duration: fromMillis(r.duration), CPU: fromMillis(r.cpu),
		HeapLimit: r.heap, Sources: r.sources,
		Tool: h.texts[r.tool], Versions: h.texts[r.versions],
	}
}

// count is the number of samples held.
func (h *held) count() int {
	n := 0
	for _, rs := range h.tasks {
		n += len(rs)
	}
	return n
}

// intern returns the number of text. A file with more than 65,000 different
// tools and versions is not one of ours; what is too many reads as unknown.
func intern[T string | []byte](h *held, text T) uint16 {
	if len(text) == 0 {
		if len(h.texts) == 0 {
			h.texts, h.index = []string{""}, map[string]uint16{}
		}
		return 0
	}
	if n, ok := h.index[string(text)]; ok {
		return n
	}
	intern(h, "")
	n := len(h.texts)
	if n > 65_000 {
		return 0
	}
	h.texts = append(h.texts, string(text))
	h.index[h.texts[n]] = uint16(n)
	return uint16(n)
}
