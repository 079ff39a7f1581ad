//go:build !linux

package proctable

import "time"

// Births tells which processes have begun. It reads the whole table each time. It is not
// safe for concurrent use.
type Births struct {
	table *Table
	seen  map[Identity]bool
}

// Births begins to tell births: the first call of Next returns all processes.
func (t *Table) Births() *Births { return &Births{table: t} }

// Close does nothing.
func (*Births) Close() {}

// Next appends the processes that have begun since the last call and still exist.
func (b *Births) Next(_ time.Time, to []Process) ([]Process, error) {
	all, err := b.table.All()
	if err != nil {
		return to, err
	}
	seen := make(map[Identity]bool, len(all))
	for _, p := range all {
		if !b.seen[p.Identity] {
			to = append(to, p)
		}
		seen[p.Identity] = true
	}
	b.seen = seen
	return to, nil
}
