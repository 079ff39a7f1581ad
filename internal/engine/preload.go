package engine

import (
	"io"
	"slices"

	"github.com/heapmage/heapmage/internal/schedule"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// mayPreload reports whether anything may be preloaded into the attempt's Node processes.
func (a *attempt) mayPreload() bool {
	return a.session.Heaps != nil && !a.Settings.Restricted(a.task.Package, a.task.Script) &&
		!slices.ContainsFunc(a.grant.Before, func(o schedule.Outcome) bool { return o.Plain })
}

// preloadFailed reports whether a Node process of the failed attempt ended because it
// could not read what is preloaded, so that another attempt without it may succeed.
func (a *attempt) preloadFailed() bool {
	return a.node.Preload && (a.Config.Retries == nil || *a.Config.Retries > 0) && a.logHas(func(text io.ReaderAt, size int64) bool {
		return v8heap.Unreadable(io.NewSectionReader(text, 0, size))
	})
}
