package proctable

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// AwaitsInput reports whether a process of the tree below leader, or leader itself, waits for
// what comes on leader's standard input: in a read, or in a poll of Node and its like (epoll).
// One that has read it and does no longer is not found. It is true if that cannot be told, and
// false once leader has ended.
func AwaitsInput(leader Identity) bool {
	input, err := os.Readlink("/proc/" + strconv.Itoa(leader.PID) + "/fd/0")
	if err != nil { // a dead process has no descriptors
		p, gone := Lookup(leader.PID)
		return gone == nil && !p.Zombie && p.Identity == leader
	}
	t, err := Open()
	if err != nil {
		return true
	}
	defer func() { _ = t.Close() }()
	all, err := t.All()
	if err != nil {
		return true
	}
	unmarked := func(int) (string, bool) { return "", true }
	members, _ := Members(Root{Leader: leader}, Attached, all, unmarked, os.Getpid())
	return slices.ContainsFunc(members, func(p Process) bool {
		dir := "/proc/" + strconv.Itoa(p.PID)
		if own, err := os.Readlink(dir + "/fd/0"); err != nil || own != input {
			return false
		}
		return polls(dir) || reads(dir)
	})
}

// polls reports whether a process has descriptor 0 in an epoll: the fdinfo of that lists it
// (proc(5)).
func polls(dir string) bool {
	files, _ := os.ReadDir(dir + "/fdinfo")
	return slices.ContainsFunc(files, func(f os.DirEntry) bool {
		target, err := os.Readlink(dir + "/fd/" + f.Name())
		if err != nil || target != "anon_inode:[eventpoll]" {
			return false
		}
		text, err := ReadFile(dir + "/fdinfo/" + f.Name())
		if err != nil {
			return false
		}
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == "tfd:" && words[1] == "0" {
				return true
			}
		}
		return false
	})
}

// reads reports whether a thread is in a read of descriptor 0: its system call and first
// argument tell (proc(5)).
func reads(dir string) bool {
	threads, _ := filepath.Glob(dir + "/task/*/syscall")
	return slices.ContainsFunc(threads, func(file string) bool {
		text, err := ReadFile(file)
		words := strings.Fields(string(text))
		if err != nil || len(words) < 2 || words[1] != "0x0" {
			return false
		}
		n, err := strconv.Atoi(words[0])
		return err == nil && slices.Contains([]int{unix.SYS_READ, unix.SYS_READV, unix.SYS_RECVFROM, unix.SYS_RECVMSG}, n)
	})
}
