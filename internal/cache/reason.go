package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/heapmage/heapmage/internal/confined"
	"github.com/heapmage/heapmage/internal/filetree"
)

// Why is the reason for a miss, or for not storing a result.
type Why int

// The reasons for a miss.
const (
	// Absent means that there is no entry.
	Absent Why = iota + 1
	// OtherFormat means that another version of heapmage stored it.
	OtherFormat
	// Damaged means that the entry or its blob is not what was stored. It was removed.
	Damaged
	// Lost means that the entry is there and its blob is not. The entry was removed.
	Lost
	// Blocked means that something is in the way that may not be overwritten or removed.
	Blocked
	// Unusable means that a path of the entry cannot be one on this system.
	Unusable
)

// The reasons for not storing a result. Unreadable may be one for a miss too.
const (
	// Unreadable means that a file, or the cache, cannot be read.
	Unreadable Why = iota + 101
	// Changed means that a file changed while it was stored.
	Changed
	// Unexpected means that a file is not what the caller said it is.
	Unexpected
	// Unsuitable means that the result cannot be stored on any system: two things have one
	// path, it is no file, folder or link, a name is not UTF-8.
	Unsuitable
	// Full means that the disk is full.
	Full
	// ReadOnly means that the cache cannot be written.
	ReadOnly
	// Busy means that another process holds the lock.
	Busy
	// Stopped means that the context ended.
	Stopped
	// Broken means that something else failed.
	Broken
)

var sentences = map[Why]string{
	Absent:      "no result is stored for it",
	OtherFormat: "its result was stored by another version of heapmage",
	Damaged:     "the stored result is damaged",
	Lost:        "the files of the stored result are missing",
	Blocked:     filetree.Blocked.String(),
	Unusable:    filetree.Unusable.String(),
	Unreadable:  filetree.Unreadable.String(),
	Changed:     filetree.Changed.String(),
	Unexpected:  filetree.Unexpected.String(),
	Unsuitable:  filetree.Unsuitable.String(),
	Full:        "the disk is full",
	ReadOnly:    "the cache cannot be written",
	Busy:        "another process holds the lock of the cache",
	Stopped:     "it was interrupted",
	Broken:      "storing it failed",
}

func (w Why) String() string { return sentences[w] }

// Miss is the error if a result cannot be had. It is no failure: the task has to run.
type Miss struct{ Problem }

// NotStored is the error if a result was not stored. Nothing of it is left.
type NotStored struct{ Problem }

// Problem is what a Miss and a NotStored tell.
type Problem struct {
	Why Why
	// Path is the file of the workspace that is concerned, empty if it is none.
	Path string
	// Err is the cause. It may be nil.
	Err error
}

// Error tells the reason, the path and the cause, in one line.
func (p *Problem) Error() string {
	text := p.Why.String()
	if p.Path != "" {
		text = p.Path + ": " + text
	}
	if p.Err != nil {
		text += ": " + p.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

func miss(why Why, path string, err error) error { return &Miss{Problem{why, path, err}} }

func notStored(why Why, path string, err error) error { return &NotStored{Problem{why, path, err}} }

var refusals = map[filetree.Why]Why{filetree.Unreadable: Unreadable, filetree.Changed: Changed, filetree.Unexpected: Unexpected,
	filetree.Unsuitable: Unsuitable, filetree.Blocked: Blocked, filetree.Unusable: Unusable}

// unread is the error if the files or the log could not be read.
func unread(err error) error {
	if r := (*filetree.Refusal)(nil); errors.As(err, &r) {
		return notStored(refusals[r.Why], r.Path, r.Err)
	}
	if n := (*NotStored)(nil); errors.As(err, &n) {
		return err
	}
	return notStored(Unreadable, "", err)
}

// Unwritten is the error if something in the cache's folder could not be written, by this package or by
// another one: a *NotStored.
func Unwritten(err error) error {
	why := Broken
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		why = Stopped
	case isFull(err):
		why = Full
	case errors.Is(err, confined.ErrLocked):
		why = Busy
	case errors.Is(err, fs.ErrPermission), errors.Is(err, readOnly), errors.Is(err, confined.ErrLink):
		why = ReadOnly
	}
	return notStored(why, "", err)
}

// isIO reports whether reading failed for another reason than what was read.
func isIO(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) || errors.Is(err, os.ErrClosed)
}
