package reuse

import (
	"context"
	"io"

	"github.com/heapmage/heapmage/internal/textswap"
)

// Many tools print where they found their settings, so logs hold the path of the workspace although no
// output does. In a log that is kept, marks stand for the paths of this machine: others may have it, and
// see their own paths there.
const (
	workspaceMark = "\x00workspace\x00"
	homeMark      = "\x00home\x00"
)

// Log writes what the task printed when it ran. The error is a *cache.Miss, or about writing.
func (r *Results) Log(ctx context.Context, h *Hit, to io.Writer) error {
	s := r.shownLog(to)
	if err := r.cache.Log(ctx, h.entry, s); err != nil {
		return err
	}
	return s.Flush()
}

// shownLog writes a log that was kept as it would be here.
func (r *Results) shownLog(to io.Writer) *textswap.Writer {
	return &textswap.Writer{To: to, Pairs: r.marks(func(path, mark string) textswap.Pair { return textswap.Pair{Text: []byte(mark), Instead: []byte(path)} })}
}

// markedLog is a log as it is kept.
func (r *Results) markedLog(log io.Reader) io.Reader {
	return textswap.NewReader(log, r.marks(func(path, mark string) textswap.Pair { return textswap.Pair{Text: []byte(path), Instead: []byte(mark)} }))
}

// marks are the paths with their marks. The workspace is first, as it may be in the home folder.
func (r *Results) marks(of func(path, mark string) textswap.Pair) []textswap.Pair {
	pairs := []textswap.Pair{of(r.root, workspaceMark)}
	if len(r.home) > 1 {
		pairs = append(pairs, of(r.home, homeMark))
	}
	return pairs
}
