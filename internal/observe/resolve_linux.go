//go:build amd64 || arm64

package observe

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heapmage/heapmage/internal/fingerprint"
)

// mostLinks is how many links the kernel follows in a path.
const mostLinks = 40

// keepFor is how long a folder or link on the way to a file counts as known. The tree's own
// changes clear what is known at once.
const keepFor = 500 * time.Millisecond

// nothing are the errors of paths at which a process finds nothing either: it has no more
// rights than the keeper.
var nothing = []error{unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG, unix.EACCES}

// resolver finds the file that a path means. Folders and links on the way are looked at
// once.
type resolver struct {
	known map[string]string // of a folder "", of a link its target
	until time.Time
}

func (r *resolver) forget() { r.known = nil }

// place is what a path leads to.
type place struct {
	path  string
	links map[string]string // passed on the way, with their targets
	stat  unix.Stat_t
	found bool
}

// ignored reports whether nothing at a path can be an input or output. /dev/shm holds files
// like any other folder, maybe the workspace.
func ignored(path string) bool {
	if path == "/dev/shm" || strings.HasPrefix(path, "/dev/shm/") {
		return false
	}
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		if rest, ok := strings.CutPrefix(path, dir); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// resolve follows an absolute path. follow is false if a link at its end stays.
func (r *resolver) resolve(path string, follow bool) (p place, ok bool) {
	if now := time.Now(); r.known == nil || now.After(r.until) {
		r.known, r.until = map[string]string{}, now.Add(keepFor)
	}
	p.path = "/"
	rest := path
	for links := 0; rest != ""; {
		name, after, more := strings.Cut(rest, "/")
		rest = after
		switch name {
		case "", ".":
			continue
		case "..":
			p.path = filepath.Dir(p.path)
			continue
		}
		here := join(p.path, name)
		if ignored(here) && here != "/dev" { // which may lead to /dev/shm
			p.path = here
			return p, true
		}
		last := strings.Trim(rest, "/") == ""
		// The kernel does not look beyond what is missing, also not for "..".
		beyond := join(here, rest)
		if slices.Contains(strings.Split(rest, "/"), "..") {
			beyond = here
		}
		target, known := r.known[here]
		if !known {
			err := unix.Lstat(here, &p.stat)
			switch {
			case err != nil:
				p.path, p.found = beyond, false
				return p, slices.Contains(nothing, err)
			case p.stat.Mode&unix.S_IFMT == unix.S_IFDIR:
				r.known[here] = ""
			case p.stat.Mode&unix.S_IFMT == unix.S_IFLNK:
				if target, err = os.Readlink(here); err != nil {
					return p, false
				}
				r.known[here] = target
			case !last:
				p.path, p.found = beyond, beyond == here // a file is no folder
				return p, true
			}
		}
		if target == "" || last && !follow && !more {
			p.path = here
			continue
		}
		if links++; links > mostLinks {
			return p, true
		}
		if p.links == nil {
			p.links = map[string]string{}
		}
		p.links[here] = target
		if filepath.IsAbs(target) {
			p.path = "/"
		}
		rest = target + "/" + rest
		if last && !more {
			rest = target
		}
	}
	p.found = unix.Lstat(p.path, &p.stat) == nil
	return p, true
}

func join(dir, name string) string {
	if name == "" {
		return dir
	}
	return filepath.Join(dir, name)
}

// magic are the links of /proc that lead to open files. As a text they lead elsewhere.
var magic = regexp.MustCompile(`^/proc/[0-9]+(?:/task/[0-9]+)?/(?:cwd|root|exe|fd/[0-9]+)(?:/|$)`)

// own makes a path of a process absolute: /proc/self means that process, and a relative one
// begins at dir. What it names by a descriptor is named by its path.
func own(pid uint32, dir, path string) string {
	if !strings.HasPrefix(path, "/") {
		path = dir + "/" + path
	}
	proc := "/proc/" + strconv.Itoa(int(pid))
	for _, self := range [][2]string{{"/proc/self", proc}, {"/proc/thread-self", proc}, {"/dev/fd", proc + "/fd"},
		{"/dev/stdin", proc + "/fd/0"}, {"/dev/stdout", proc + "/fd/1"}, {"/dev/stderr", proc + "/fd/2"}} {
		if rest, ok := strings.CutPrefix(path, self[0]); ok && (rest == "" || rest[0] == '/') {
			path = self[1] + rest
			break
		}
	}
	if link := magic.FindString(path); link != "" {
		if to, ok := opened(strings.TrimSuffix(link, "/")); ok {
			return strings.TrimSuffix(to+"/"+path[len(link):], "/")
		}
	}
	return path
}

// descriptorLink is the link to an open file of a thread, or to its working folder.
func descriptorLink(tid uint32, fd int32) string {
	proc := "/proc/" + strconv.Itoa(int(tid))
	if fd == unix.AT_FDCWD {
		return proc + "/cwd"
	}
	return proc + "/fd/" + strconv.Itoa(int(fd))
}

// deleted is what the kernel appends to the path of an open file that was removed.
const deleted = " (deleted)"

// opened is the path of an open file. It returns false if it has none.
func opened(link string) (path string, ok bool) {
	path, err := os.Readlink(link)
	if err != nil || !strings.HasPrefix(path, "/") {
		return "", false
	}
	if strings.HasSuffix(path, deleted) { // it may be its name
		var a, b unix.Stat_t
		if unix.Stat(link, &a) != nil || unix.Lstat(path, &b) != nil || a.Dev != b.Dev || a.Ino != b.Ino {
			return "", false
		}
	}
	return path, true
}

func stampOf(s *unix.Stat_t) Stamp {
	return Stamp{Dev: s.Dev, Ino: s.Ino, Size: s.Size, Modified: time.Unix(s.Mtim.Unix()), Changed: time.Unix(s.Ctim.Unix())}
}

// stampIf is the stamp of what is at a place, zero if nothing is.
func stampIf(p place) Stamp {
	if !p.found {
		return Stamp{}
	}
	return stampOf(&p.stat)
}

// fileOf is what a place is now.
func fileOf(p place) File {
	if !p.found {
		return File{}
	}
	f := File{Mode: fingerprint.ModeOf(p.stat.Mode), Stamp: stampOf(&p.stat)}
	if f.Mode&fs.ModeSymlink != 0 {
		f.Target, _ = os.Readlink(p.path) // gone again: its end will tell
	}
	return f
}

// Look is the stamp of a file now.
func Look(path string) (Stamp, error) {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return Stamp{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return stampOf(&s), nil
}
