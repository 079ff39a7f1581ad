package meter

import "github.com/heapmage/heapmage/memtools"

// crowd is a tree at its highest usage: how many of its processes are of similar size.
type crowd struct {
	usage     memtools.Bytes
	processes int
}

// count keeps the sample of a tree if its usage is the highest so far.
func (m *Meter) count(id string, tree memtools.Tree) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if tree.Usage <= m.crowds[id].usage {
		return
	}
	var largest memtools.Bytes
	for _, p := range tree.Processes {
		largest = max(largest, p.Usage)
	}
	n := 0
	for _, p := range tree.Processes {
		if p.Usage >= largest/2 {
			n++
		}
	}
	m.crowds[id] = crowd{tree.Usage, n}
}

// Crowd returns how many processes made up the highest usage under id, those left out that
// are smaller than half the largest. It forgets the figure, and must be called before End.
func (m *Meter) Crowd(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer delete(m.crowds, id)
	return m.crowds[id].processes
}
