package event

import "sync"

// Once keeps track of the notices of a run, so that each is given once. The zero value
// is ready. It may be used by many goroutines.
type Once struct {
	mu    sync.Mutex
	given map[Notice]bool
}

// First reports whether a notice has text and is given for the first time.
func (o *Once) First(n Notice) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n.Text == "" || o.given[n] {
		return false
	}
	if o.given == nil {
		o.given = map[Notice]bool{}
	}
	o.given[n] = true
	return true
}
