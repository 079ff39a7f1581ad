package outputs

import "sync"

// Listings are which outputs were there when the first attempts at tasks began, from then
// until their last ones end. The zero value is ready. It may be used by many goroutines.
type Listings struct {
	mu     sync.Mutex
	byTask map[string]Listing
}

// Keep keeps the listing of a task.
func (l *Listings) Keep(task string, listing Listing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byTask == nil {
		l.byTask = map[string]Listing{}
	}
	l.byTask[task] = listing
}

// Of returns the listing of a task; the zero value if there is none.
func (l *Listings) Of(task string) Listing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byTask[task]
}

// Forget drops the listing of a task.
func (l *Listings) Forget(task string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byTask, task)
}
