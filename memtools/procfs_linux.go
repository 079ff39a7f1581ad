package memtools

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// stat is what is read of /proc/PID/stat.
type stat struct {
	ppid, pgid int
	start      uint64 // clock ticks since the machine started
	zombie     bool
	cpu        time.Duration // of its own threads, in user and kernel mode
}

// clockTick is the unit of times in /proc: USER_HZ, which Linux never changes.
const clockTick = time.Second / 100

// parseStat reads proc_pid_stat(5). The name in parentheses may hold spaces,
// parentheses and line ends.
func parseStat(text []byte) (stat, bool) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return stat{}, false
	}
	// The fields after the name, from the third on: state ppid pgrp … starttime.
	var f [20][]byte
	n := 0
	for field := range bytes.FieldsSeq(text[end+1:]) {
		if n == len(f) {
			break
		}
		f[n] = field
		n++
	}
	if n < len(f) {
		return stat{}, false
	}
	ppid, err1 := strconv.Atoi(string(f[1]))
	pgid, err2 := strconv.Atoi(string(f[2]))
	threads, err3 := strconv.Atoi(string(f[17]))
	start, err4 := strconv.ParseUint(string(f[19]), 10, 64)
	user, err5 := strconv.ParseInt(string(f[11]), 10, 64)
	system, err6 := strconv.ParseInt(string(f[12]), 10, 64)
	if err := cmp.Or(err1, err2, err3, err4, err5, err6); err != nil {
		return stat{}, false
	}
	return stat{ppid: ppid, pgid: pgid, start: start, zombie: dead(f[0]) && threads <= 1, cpu: time.Duration(user+system) * clockTick}, true
}

// dead says whether a state letter is that of a zombie or of a process that is
// being taken away.
func dead(state []byte) bool {
	return len(state) > 0 && (state[0] == 'Z' || state[0] == 'X' || state[0] == 'x')
}

// status is what is read of /proc/PID/status.
type status struct {
	name             []byte // as the kernel escapes it
	zombie           bool   // the main thread; others may live
	threads          int
	ppid, pgid       int
	hasGroup         bool
	rss              Bytes
	anon, shmem      Bytes
	swap             Bytes
	hasAnon, hasName bool
}

// usage is the memory that is the process's own. Where the kernel does not tell
// it (before 4.5, and some sandboxes), the resident set stands for it.
func (s status) usage() Bytes {
	if !s.hasAnon {
		return s.rss + s.swap
	}
	return s.anon + s.shmem + s.swap
}

// parseStatus reads proc_pid_status(5). A zombie and a kernel's thread have no
// memory lines.
func parseStatus(text []byte) (status, bool) {
	var s status
	for len(text) > 0 {
		line := text
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			line, text = text[:end], text[end+1:]
		} else {
			text = nil
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			continue
		}
		value := bytes.TrimLeft(line[colon+1:], "\t ")
		switch string(line[:colon]) {
		case "Name":
			s.name, s.hasName = value, true
		case "State":
			s.zombie = dead(value)
		case "Threads":
			s.threads = int(leading(value))
		case "PPid":
			s.ppid = int(leading(value))
		case "NSpgid": // the first is the one of the namespace that /proc shows
			s.pgid, s.hasGroup = int(leading(value)), len(value) > 0
		case "VmRSS":
			s.rss = kilobytes(value)
		case "RssAnon":
			s.anon, s.hasAnon = kilobytes(value), true
		case "RssShmem":
			s.shmem = kilobytes(value)
		case "VmSwap":
			s.swap = kilobytes(value)
		}
	}
	return s, s.hasName
}

// leading returns the number that text begins with, zero where there is none.
// Numbers beyond 2^50 are cut there, so that sums of them in kB do not overflow.
func leading(text []byte) int64 {
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = min(n*10+int64(c-'0'), 1<<50)
	}
	return n
}

// kilobytes reads "1234 kB".
func kilobytes(text []byte) Bytes { return Bytes(leading(text)) * KB }

// findMarker returns the value of MarkerEnv in a block of environment entries,
// each ended by a NUL; the first one where there are several, as getenv(3) does.
func findMarker(environ []byte) string {
	const name = MarkerEnv + "="
	for rest := environ; ; {
		at := bytes.Index(rest, []byte(name))
		if at < 0 {
			return ""
		}
		value := rest[at+len(name):]
		if at == 0 && len(rest) == len(environ) || at > 0 && rest[at-1] == 0 {
			value, _, _ := bytes.Cut(value, []byte{0})
			return string(value)
		}
		rest = value
	}
}

// longestCommand bounds Process.Command.
const longestCommand = 200

// commandLine returns the arguments of /proc/PID/cmdline with spaces between
// them, cut at 200 bytes but not within a character.
func commandLine(text []byte) string {
	cut := text[:min(len(text), longestCommand)]
	for n := len(cut); n < len(text) && n > 0 && !utf8.RuneStart(text[n]); n-- {
		cut = cut[:n-1]
	}
	return strings.TrimSpace(string(bytes.ReplaceAll(cut, []byte{0}, []byte{' '})))
}
