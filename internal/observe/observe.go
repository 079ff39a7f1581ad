// Package observe tells which files the processes of a command read, looked for, listed
// and wrote. It is for Linux, on amd64 and arm64; elsewhere nothing can be observed.
//
// The command is started through a shim: this program under another name, which puts a
// seccomp filter on itself, hands the filter's listener to the keeper, and becomes the
// command (seccomp_unotify(2)). From then on each call that names a file, by any process
// of the tree, static or not, waits until the keeper has noted it and told the kernel to
// go on. The keeper is a process of its own: it answers as well while this one is stopped
// or busy, and after its end, as long as a process lives under a filter. Should the keeper
// be killed, this process answers in its place, and the observation is incomplete.
//
// What a thread writes over a path after the keeper has read it is not seen: this is good
// to learn what an honest program does, and keeps out nobody.
package observe

import (
	"cmp"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// Observation is what the processes of a command did, until Finish was called.
type Observation struct {
	// Files are the paths that were met, absolute and without links, except that the last
	// component may be one. Those in /proc, /sys and /dev are not among them, but those in
	// /dev/shm are.
	Files map[string]File
	// Incomplete are reasons why something may have gone unseen. Empty means that all was
	// seen.
	Incomplete []string
	// Disturbed is why the command may have failed only because it was observed. It must
	// run again without. Empty means that it was not disturbed.
	Disturbed string
	// Asked are the addresses of programs of this machine, outside of the tree, that were
	// connected to, sorted: they may read files for the command. Those of sockets are paths,
	// or names after "@".
	Asked []string
	// Connections are the remote addresses that were connected to, sorted.
	Connections []string
}

// Then returns the observation of o and, after it, of next. What o wrote, next did not meet
// as it was before.
func (o Observation) Then(next Observation) Observation {
	all := Observation{Files: maps.Clone(o.Files), Disturbed: cmp.Or(o.Disturbed, next.Disturbed),
		Incomplete: union(o.Incomplete, next.Incomplete), Asked: union(o.Asked, next.Asked), Connections: union(o.Connections, next.Connections)}
	if all.Files == nil {
		all.Files = map[string]File{}
	}
	for path, f := range next.Files {
		before, met := all.Files[path]
		if !met {
			all.Files[path] = f
			continue
		}
		before.Unsteady = before.Unsteady || f.Unsteady
		if !before.Written {
			before.Unsteady = before.Unsteady || !before.Mode.IsDir() && !before.Stamp.same(f.Stamp)
			before.Read, before.Found = before.Read || f.Read, before.Found || f.Found
			if !before.Listed {
				before.Names, before.Listed = f.Names, f.Listed
			}
		}
		before.Run = before.Run || f.Run
		before.Written = before.Written || f.Written
		all.Files[path] = before
	}
	return all
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// File is what was done with a path. What it was, is as it was first met, before the
// processes changed it.
type File struct {
	// Mode is its type and permissions; zero if there was no such file.
	Mode fs.FileMode
	// Target is where it led if it was a link.
	Target string
	// Stamp changes with the file. It is zero if there was none.
	Stamp Stamp
	// Names were the entries of a folder that was listed, when that first happened.
	Names []string
	// Listed is set if it was a folder that was listed. One that the processes had made does
	// not count.
	Listed bool
	// Found is set if it was there and was looked at before the processes wrote it.
	Found bool
	// Read is set if its content was read before the processes wrote it.
	Read bool
	// Run is set if it was executed. Then Read is set as well.
	Run bool
	// Written is set if it was created, changed, renamed or removed, or a try was made.
	Written bool
	// Unsteady is set if it was another when it was met again, and the processes had not
	// written it.
	Unsteady bool
}

// Existed reports whether there was such a file when it was first met.
func (f File) Existed() bool { return f.Stamp != (Stamp{}) }

// Stamp is what tells that a file was changed meanwhile.
type Stamp struct {
	Dev, Ino          uint64
	Size              int64 // in bytes
	Modified, Changed time.Time
}

// same reports whether it is one file with one content. A new hard link changes only the
// time of change.
func (s Stamp) same(other Stamp) bool {
	return s.Dev == other.Dev && s.Ino == other.Ino && s.Size == other.Size && s.Modified.Equal(other.Modified)
}
