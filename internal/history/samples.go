package history

import (
	"slices"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

// kept is how many samples of each task are kept.
const kept = 20

// Predictions rest on fewer, so that one can always be dropped.
const _ = uint(kept - estimate.MaxSupport)

// outcomes gives each outcome its number in a record.
var outcomes = [...]estimate.Outcome{estimate.Succeeded, estimate.Failed, estimate.OutOfHeap, estimate.Killed}

// record is a sample in memory: 48 bytes and no pointer, since a large workspace
// has 100,000 of them.
type record struct {
	time                int64 // ms since 1970; zero means unknown
	peak, heap, sources memtools.Bytes
	duration, cpu       uint32 // ms
	tool, versions      uint16 // in samples.texts
	outcome             uint8  // in outcomes
}

// samples is what is known of each task. The zero value is empty.
type samples struct {
	tasks map[string][]record
	texts []string // tools and versions; the first is ""
	index map[string]uint16
}

// add appends x, which must be normal, to the samples of task.
func (s *samples) add(task string, x estimate.Sample) {
	s.addRecord(task, record{
		time: epoch(x.Time), peak: x.Peak, heap: x.HeapLimit, sources: x.Sources,
		duration: millis(x.Duration), cpu: millis(x.CPU),
		tool: intern(s, x.Tool), versions: intern(s, x.Versions),
		outcome: uint8(max(0, slices.Index(outcomes[:], x.Outcome))),
	})
}

// addEntry adds a line of the file.
func (s *samples) addEntry(e entry) {
	r := record{
		time: e.at, peak: memtools.Bytes(e.peak), heap: memtools.Bytes(e.heap), sources: memtools.Bytes(e.sources),
		duration: uint32(e.duration), cpu: uint32(e.cpu),
		tool: intern(s, e.tool), versions: intern(s, e.versions),
		outcome: uint8(outcomeOf(e.outcome)),
	}
	if rs, ok := s.tasks[string(e.task)]; ok && len(rs) == kept {
		// The usual case of a full task keeps its array and makes no string.
		s.push(rs, r)
		return
	}
	s.addRecord(string(e.task), r)
}

func (s *samples) addRecord(task string, r record) {
	if s.tasks == nil {
		s.tasks = map[string][]record{}
	}
	s.tasks[task] = s.push(s.tasks[task], r)
}

// push appends r. If there are too many samples then, it drops the oldest that no
// prediction rests on.
func (s *samples) push(rs []record, r record) []record {
	if len(rs) < kept {
		if len(rs) == cap(rs) { // append would allocate more than kept
			grown := make([]record, len(rs), min(kept, max(2, 2*cap(rs))))
			copy(grown, rs)
			rs = grown
		}
		return append(rs, r)
	}
	var all [kept + 1]estimate.Sample
	for i := range rs {
		all[i] = s.sample(rs[i])
	}
	all[kept] = s.sample(r)
	drop := estimate.Superfluous(all[:])
	if drop == kept { // the new one itself
		return rs
	}
	copy(rs[drop:], rs[drop+1:])
	rs[kept-1] = r
	return rs
}

// of appends the samples of task to dst, the oldest first.
func (s *samples) of(dst []estimate.Sample, task string) []estimate.Sample {
	for _, r := range s.tasks[task] {
		dst = append(dst, s.sample(r))
	}
	return dst
}

// all yields each task with its samples. The slice is only valid until the next.
func (s *samples) all(yield func(string, []estimate.Sample) bool) {
	var buffer []estimate.Sample
	for task := range s.tasks {
		buffer = s.of(buffer[:0], task)
		if !yield(task, buffer) {
			return
		}
	}
}

func (s *samples) sample(r record) estimate.Sample {
	return estimate.Sample{
		Time: fromEpoch(r.time), Outcome: outcomes[r.outcome], Peak: r.peak,
		Duration: fromMillis(r.duration), CPU: fromMillis(r.cpu),
		HeapLimit: r.heap, Sources: r.sources,
		Tool: s.texts[r.tool], Versions: s.texts[r.versions],
	}
}

// count is the number of samples.
func (s *samples) count() int {
	n := 0
	for _, rs := range s.tasks {
		n += len(rs)
	}
	return n
}

// intern returns the number of text. A file with more than 65,000 different
// tools and versions is not one of ours: beyond that they read as unknown.
func intern[T string | []byte](s *samples, text T) uint16 {
	if len(s.texts) == 0 {
		s.texts, s.index = []string{""}, map[string]uint16{"": 0}
	}
	if n, ok := s.index[string(text)]; ok {
		return n
	}
	n := len(s.texts)
	if n > 65_000 {
		return 0
	}
	s.texts = append(s.texts, string(text))
	s.index[s.texts[n]] = uint16(n)
	return uint16(n)
}
