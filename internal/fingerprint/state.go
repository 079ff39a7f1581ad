package fingerprint

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// State is what a path is, in one respect. States are equal if nothing that a program
// could tell in that respect differs. They hold no path of this machine, and can be kept.
// A path that cannot be looked at has a state too, with the reason.
type State string

// Absent is the state of a path that is not there, in every respect.
const Absent State = "absent"

// Presence is the type and the permissions of a path; a link is not followed.
func (d *Digests) Presence(path string) State {
	_, mode, err := lstat(path)
	if err != nil {
		return failed(err)
	}
	return PresenceOf(mode)
}

// PresenceOf is the Presence of a file with that mode.
func PresenceOf(mode fs.FileMode) State {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "link" // its permissions mean nothing
	case mode.IsDir():
		return State(fmt.Sprintf("folder %04o", bits(mode)))
	case mode.IsRegular():
		return State(fmt.Sprintf("file %04o", bits(mode)))
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// bits are the permissions, with those that a file lends to its users.
func bits(mode fs.FileMode) fs.FileMode {
	n := mode.Perm()
	for i, flag := range []fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
		if mode&flag != 0 {
			n |= 0o1000 << i
		}
	}
	return n
}

// Target is where a link leads, as it is written. What is no link has its Presence.
func (d *Digests) Target(path string) State {
	switch s := d.Presence(path); s {
	case "link":
		target, err := os.Readlink(path)
		if err != nil {
			return failed(err)
		}
		return d.TargetOf(target)
	default:
		return s
	}
}

// TargetOf is the Target of a link with that text. One that leads into the root by an
// absolute path is the same in every clone.
func (d *Digests) TargetOf(target string) State {
	if key := d.key(target); key != target {
		return State("link to //" + filepath.ToSlash(key)) // "//" is the root, as for Turborepo
	}
	return State("link to " + filepath.ToSlash(target))
}

// Content is the digest of a file. What is no file is never opened: it has its Presence
// or its Target.
func (d *Digests) Content(path string) State {
	content, _ := d.Look(path)
	return content
}

// Look is the Content and the Presence of a path, for one look at it.
func (d *Digests) Look(path string) (content, presence State) {
	s, mode, err := lstat(path)
	if err != nil {
		return failed(err), failed(err)
	}
	presence = PresenceOf(mode)
	switch {
	case presence == "link":
		return d.Target(path), presence
	case !mode.IsRegular():
		return presence, presence
	}
	digest, err := d.digest(path, s)
	if err != nil {
		return failed(err), presence
	}
	return ContentOf(digest), presence
}

// ContentOf is the Content of a file with that digest.
func ContentOf(digest Digest) State {
	var text [len("content ") + 2*len(digest)]byte
	hex.Encode(text[copy(text[:], "content "):], digest[:])
	return State(text[:])
}

// Digest is the digest of a file that has this Content; ok is false if it is none of a file.
func (s State) Digest() (d Digest, ok bool) {
	text, ok := strings.CutPrefix(string(s), "content ")
	if !ok || d.UnmarshalText([]byte(text)) != nil {
		return Digest{}, false
	}
	return d, true
}

// Names are the names of what is in a folder, without those that skip reports; nil skips
// none. What is no folder has its Target or Presence.
func (d *Digests) Names(path string, skip func(name string) bool) State {
	_, mode, err := lstat(path)
	switch {
	case err != nil:
		return failed(err)
	case !mode.IsDir():
		return d.Target(path)
	}
	f, err := os.OpenFile(path, readFlags, 0)
	if err != nil {
		return failed(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return failed(err)
	}
	return NamesOf(names, skip)
}

// NamesOf is the Names of a folder with those names, in any order.
func NamesOf(names []string, skip func(name string) bool) State {
	kept := make([]string, 0, len(names))
	for _, name := range names {
		if skip == nil || !skip(name) {
			kept = append(kept, name)
		}
	}
	slices.Sort(kept)
	return State("names " + Sum(kept...).String())
}

// failed is the state of a path that cannot be looked at.
func failed(err error) State {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return Absent
	}
	if errors.Is(err, ErrNotFile) {
		return "unreadable: it changes"
	}
	for _, known := range []error{fs.ErrPermission, syscall.ELOOP, syscall.ENAMETOOLONG} {
		if errors.Is(err, known) {
			return State("unreadable: " + known.Error())
		}
	}
	return "unreadable"
}
