// Package channel is the pool's side of the sockets to its workers, and one
// poller for all of them. The goroutine that calls Poller.Serve reads in its own
// thread: Go's runtime poller would wake another thread for each answer, which
// takes as long as all the rest of a small task. docs/decisions/0004 has the
// measurements. It needs a Unix system; elsewhere New returns
// errors.ErrUnsupported.
package channel
