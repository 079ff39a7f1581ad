package cache

import (
	"errors"
	"time"

	"github.com/heapmage/heapmage/internal/filetree"
	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/memtools"
)

// Entry is what is known of a task's result.
type Entry struct {
	// Key is what the entry is stored under.
	Key Key `json:"-"`
	// Sum is the digest of all that follows, as it is stored. Put and Get set it.
	Sum fingerprint.Digest `json:"-"`
	// Task is its name, for people.
	Task string `json:"task"`
	// Created is when the task ended.
	Created time.Time `json:"created"`
	// Duration is how long it ran, Processor its processor time, and Peak its memory.
	Duration  time.Duration  `json:"duration"`
	Processor time.Duration  `json:"processor"`
	Peak      memtools.Bytes `json:"peak"`
	// Files are what it left, in the order in which they are put back.
	Files []filetree.File `json:"files"`
	// Log is the digest of its output, and LogSize the length in bytes. Put sets both.
	Log     fingerprint.Digest `json:"log"`
	LogSize int64              `json:"log_size"`
	// Blob is the digest of the packed contents. Put sets it.
	Blob fingerprint.Digest `json:"blob"`
	// Local are the reasons why the entry must not leave this machine. Empty means that
	// it may.
	Local []string `json:"local,omitempty"`
	// Data is what else the caller knows of the result.
	Data Data `json:"data,omitzero"`
}

// Data is what is known of a result beside what it left.
type Data struct {
	// Removed are outputs of tasks before it that it removed.
	Removed []string `json:"removed,omitempty"`
	// Connections are the remote addresses that it connected to.
	Connections []string `json:"connections,omitempty"`
}

// IsZero reports whether there is nothing of it.
func (d Data) IsZero() bool { return len(d.Removed)+len(d.Connections) == 0 }

// check returns what is wrong with an entry that was stored.
func (e *Entry) check() error {
	if e.LogSize < 0 {
		return errors.New("the size of the log is wrong")
	}
	return filetree.Check(e.Files)
}

func (k Key) entryFile() string            { return k.String() + ".json" }
func blobFile(d fingerprint.Digest) string { return d.String() + ".sz" }
func (k Key) manifestFile() string         { return k.String() + ".json" }
