//go:build amd64 || arm64

package observe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tracer notes what the processes under one filter do.
type tracer struct {
	listener int
	// last is the id of the last notification that was received, where others can see it.
	last *uint64

	mu       sync.Mutex
	record   *record
	resolver resolver
	finished bool // nothing more is noted
}

// serve answers until no process is left under the filter.
func (t *tracer) serve() {
	for n := (notification{}); next(t.listener, &n); {
		t.note(&n)
		_ = goOn(t.listener, n.id) // its thread was killed or interrupted
	}
}

// finish ends the noting and returns what was noted.
func (t *tracer) finish() Observation {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.finished = true
	o := t.record.result()
	t.record = newRecord()
	return o
}

// note notes one call.
func (t *tracer) note(n *notification) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.finished {
		return // another command may have its slot
	}
	*t.last = n.id
	c, ok := calls[uint32(n.nr)]
	if n.arch != auditArch || !ok {
		t.record.misses("a program of another architecture ran")
		return
	}
	switch c.action {
	case hides:
		t.record.misses("a program called " + c.name)
		return
	case innerWatch:
		t.record.disturbed = "a program wanted to watch calls itself"
		return
	case listens, connects:
		t.address(n, c)
		return
	default: // it names files
	}
	flags := uint64(0)
	if c.flags != none {
		flags = n.args[c.flags]
	}
	if c.action == opensHow {
		how := make([]byte, 24) // struct open_how
		if k, _ := memory(n.pid, n.args[c.flags], how); k == len(how) {
			flags = binary.LittleEndian.Uint64(how)
			if resolve := binary.LittleEndian.Uint64(how[16:]); resolve&unix.RESOLVE_IN_ROOT != 0 {
				t.record.misses("a program opened files below another root")
			}
		} else {
			t.record.misses("the flags of openat2 could not be read")
		}
	}
	first, named, err := t.path(n, c, c.dir, c.path)
	second := ""
	if err == nil && c.path2 != none {
		second, _, err = t.path(n, c, c.dir2, c.path2)
	}
	if !valid(t.listener, n.id) {
		return // it will be called again, or not at all
	}
	if err != nil {
		t.record.misses(fmt.Sprintf("a path of %s: %v", c.name, err))
		return
	}
	if !named {
		if c.action == links && second != "" {
			t.link(c, second) // of a file that has no name yet
		}
		return // a file that is open already
	}
	t.act(n, c, first, second, flags)
}

// path is an argument of the call as an absolute path, which may lead through links. It
// returns false if the call names no file, but one that is open.
func (t *tracer) path(n *notification, c call, dirArg, pathArg int) (path string, named bool, err error) {
	if n.args[pathArg] == 0 {
		return "", false, nil
	}
	path, err = text(n.pid, n.args[pathArg])
	if errors.Is(err, errLong) || errors.Is(err, errFault) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	fd := int32(unix.AT_FDCWD)
	if dirArg != none {
		fd = int32(n.args[dirArg])
	}
	if path == "" {
		// The descriptor itself. It may have been opened without reading.
		if fd == unix.AT_FDCWD || c.action == looks || c.action == readsLink {
			return "", false, nil
		}
		path, ok := opened(descriptorLink(n.pid, fd))
		return path, ok, nil
	}
	if strings.HasPrefix(path, "/") {
		return own(n.pid, "", path), true, nil
	}
	link := descriptorLink(n.pid, fd)
	if dir, ok := opened(link); ok {
		return own(n.pid, dir, path), true, nil
	}
	dir, err := os.Readlink(link)
	switch {
	case err != nil && fd != unix.AT_FDCWD:
		return "", false, nil // no such descriptor: the kernel will say so
	case err != nil:
		return "", false, err
	}
	if strings.HasSuffix(dir, deleted) && slices.Contains(strings.Split(path, "/"), "..") {
		return "", false, errors.New("it begins in a folder that was removed")
	}
	return "", false, nil // nothing is in a folder that was removed
}

// act notes what a call does with its files.
func (t *tracer) act(n *notification, c call, first, second string, flags uint64) {
	follow := !c.stays
	switch {
	case c.action == opens || c.action == opensHow:
		excl := flags&unix.O_CREAT != 0 && flags&unix.O_EXCL != 0
		follow = flags&unix.O_NOFOLLOW == 0 && !excl
	case c.action == links:
		follow = flags&unix.AT_SYMLINK_FOLLOW != 0 && !c.stays
	case c.flags != none && flags&unix.AT_SYMLINK_NOFOLLOW != 0:
		follow = false
	}
	p, f := t.meet(c, first, follow)
	if f == nil {
		if c.action == links {
			t.link(c, second)
		}
		return
	}
	switch c.action {
	case looks, readsLink:
		f.Found = f.Found || p.found && f.original(p)
	case opens, opensHow:
		t.open(p, f, flags)
	case runs:
		t.run(n, p, f)
	case changes, makes:
		t.write(p.path, f)
	case removes:
		t.write(p.path, f)
		t.resolver.forget()
	case renames:
		t.rename(c, p, f, second, c.flags != none && flags&unix.RENAME_EXCHANGE != 0)
	case links:
		f.Read = f.Read || f.original(p)
		t.link(c, second)
	case listens, connects, hides, innerWatch: // they name no file
	}
}

// link notes a new name of a file.
func (t *tracer) link(c call, name string) {
	if q, g := t.meet(c, name, false); g != nil {
		t.write(q.path, g)
	}
}

// original reports whether a file is what it was when it was first met: a call that should
// have changed it may have failed.
func (f *File) original(p place) bool {
	return !f.Written || p.found && f.Stamp == stampOf(&p.stat)
}

// meet notes that a path is looked at, with the links on the way. It returns nil for what
// is not observed.
func (t *tracer) meet(c call, path string, follow bool) (place, *File) {
	p, ok := t.resolver.resolve(path, follow)
	if !ok {
		t.record.misses(fmt.Sprintf("a path of %s could not be resolved: %s", c.name, path))
		return p, nil
	}
	for link, target := range p.links {
		t.record.file(link, func() File { return linkOf(link, target) })
	}
	if ignored(p.path) {
		return p, nil
	}
	f := t.record.file(p.path, func() File { return fileOf(p) })
	if !f.Written && !f.Mode.IsDir() && !f.Stamp.same(stampIf(p)) {
		f.Unsteady = true
	}
	return p, f
}

func linkOf(path, target string) File {
	f := File{Mode: fs.ModeSymlink | 0o777, Target: target}
	var s unix.Stat_t
	if unix.Lstat(path, &s) == nil {
		f = fileOf(place{path: path, stat: s, found: true})
	}
	f.Target = target
	return f
}

func (t *tracer) open(p place, f *File, flags uint64) {
	if flags&unix.O_PATH != 0 {
		return
	}
	isDir := p.found && p.stat.Mode&unix.S_IFMT == unix.S_IFDIR // then what is in it may be listed
	switch mode := flags & unix.O_ACCMODE; {
	case flags&unix.O_TMPFILE == unix.O_TMPFILE:
		return // it has no name; a link may give it one
	case isDir:
		f.list(p.path)
		return
	case mode == unix.O_RDONLY || mode == unix.O_RDWR:
		if p.found && f.original(p) && flags&unix.O_TRUNC == 0 {
			f.Read = true
		}
	}
	if flags&unix.O_ACCMODE != unix.O_RDONLY || flags&unix.O_TRUNC != 0 || flags&unix.O_CREAT != 0 && !p.found {
		if flags&(unix.O_TRUNC|unix.O_EXCL) == 0 && p.found && f.original(p) {
			f.Read = true // what it does not write over stays
		}
		t.write(p.path, f)
	}
}

// write notes that a path is about to change. Its folder's names were as they were listed.
func (t *tracer) write(path string, f *File) {
	f.Written = true
	delete(t.resolver.known, path)
}

// list notes the names in a folder. One that was there has the names of others, whatever the
// tree does in it.
func (f *File) list(path string) {
	if !f.Listed && (f.Existed() || !f.Written) {
		f.Names, f.Listed = names(path), true
	}
}

// names lists a folder.
func names(path string) (all []string) {
	entries, _ := os.ReadDir(path) // not readable: not for the program either
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// run notes an executed file and, of a script, its interpreter: the kernel opens that
// itself.
func (t *tracer) run(n *notification, p place, f *File) {
	for range 5 { // as the kernel: an interpreter may be a script
		if !p.found || p.stat.Mode&unix.S_IFMT != unix.S_IFREG {
			return
		}
		f.Read = f.Read || f.original(p)
		f.Run = true
		if p.stat.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 && restrained(n.pid) {
			t.record.disturbed = p.path + " could not gain the rights of its owner"
		}
		interpreter := interpreterOf(p.path)
		if interpreter == "" {
			return
		}
		if !filepath.IsAbs(interpreter) {
			dir, err := os.Readlink(descriptorLink(n.pid, unix.AT_FDCWD))
			if err != nil {
				t.record.misses("the interpreter of " + p.path + " could not be found")
				return
			}
			interpreter = filepath.Join(dir, interpreter)
		}
		if p, f = t.meet(call{name: "execve"}, interpreter, true); f == nil {
			return
		}
	}
}

// interpreterOf is the program in the first line of a script, or empty.
func interpreterOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := f.Read(head)
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	words, ok := bytes.CutPrefix(line, []byte("#!"))
	if !ok {
		return ""
	}
	if fields := bytes.Fields(words); len(fields) > 0 {
		return string(fields[0])
	}
	return ""
}

// restrained reports whether a thread has given up to gain rights by setuid programs.
func restrained(tid uint32) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	return err != nil || bytes.Contains(status, []byte("\nNoNewPrivs:\t1"))
}

// rename moves what is known below a folder along with it.
func (t *tracer) rename(c call, from place, f *File, to string, both bool) {
	q, g := t.meet(c, to, false)
	if g == nil {
		t.write(from.path, f)
		t.resolver.forget()
		return
	}
	if from.found && f.original(from) && from.stat.Mode&unix.S_IFMT == unix.S_IFREG {
		f.Read = true // it is content of the new name
	}
	if both && q.found && g.original(q) && q.stat.Mode&unix.S_IFMT == unix.S_IFREG {
		g.Read = true
	}
	if both && q.found && q.stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		t.moveBelow(q.path, from.path)
	}
	if from.found && from.stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		t.moveBelow(from.path, q.path)
	}
	t.write(from.path, f)
	t.write(q.path, g)
	t.resolver.forget()
}

// moveBelow notes that all that is in folder from goes into folder to.
func (t *tracer) moveBelow(from, to string) {
	_ = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile, or not readable
		}
		var s unix.Stat_t
		found := unix.Lstat(path, &s) == nil
		f := t.record.file(path, func() File { return fileOf(place{path: path, stat: s, found: found}) })
		if d.IsDir() {
			f.list(path)
		}
		f.Read = f.Read || !f.Written && d.Type().IsRegular()
		if path == from {
			return nil
		}
		f.Written = true
		t.record.file(to+strings.TrimPrefix(path, from), func() File { return File{} }).Written = true
		return nil
	})
}

// share maps the numbers that this process and another see.
func share(fd int) (*[mostSlots]uint64, error) {
	page, err := unix.Mmap(fd, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return (*[mostSlots]uint64)(unsafe.Pointer(&page[0])), nil
}
