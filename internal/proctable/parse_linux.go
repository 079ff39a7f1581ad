package proctable

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	clockTick    = time.Second / 100 // USER_HZ, the unit of times in /proc: the same on every architecture
	kernelThread = 0x00200000        // PF_KTHREAD of include/linux/sched.h
)

// parseStat parses /proc/PID/stat (proc_pid_stat(5)). The name in parentheses is
// the program's choice: it may contain spaces, parentheses and line ends.
func parseStat(text []byte) (p Process, cpu, childCPU time.Duration, ok bool) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return Process{}, 0, 0, false
	}
	// f[0] is field 3 of the manual page.
	const startTime, startStack = 19, 25
	var f [startStack + 1][]byte
	n := 0
	for field := range bytes.FieldsSeq(text[end+1:]) {
		if n == len(f) {
			break
		}
		f[n] = field
		n++
	}
	if n <= startTime {
		return Process{}, 0, 0, false
	}
	var errs [11]error
	p.PID, errs[0] = strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	p.PPID, errs[1] = strconv.Atoi(string(f[1]))
	p.Group, errs[2] = strconv.Atoi(string(f[2]))
	p.Session, errs[3] = strconv.Atoi(string(f[3]))
	flags, err := strconv.ParseUint(string(f[6]), 10, 64)
	errs[4] = err
	user, err := strconv.ParseInt(string(f[11]), 10, 64)
	errs[5] = err
	system, err := strconv.ParseInt(string(f[12]), 10, 64)
	errs[6] = err
	childUser, err := strconv.ParseInt(string(f[13]), 10, 64)
	errs[9] = err
	childSystem, err := strconv.ParseInt(string(f[14]), 10, 64)
	errs[10] = err
	threads, err := strconv.Atoi(string(f[17]))
	errs[7] = err
	p.Start, errs[8] = strconv.ParseUint(string(f[startTime]), 10, 64)
	if cmp.Or(errs[:]...) != nil {
		return Process{}, 0, 0, false
	}
	p.Kernel = flags&kernelThread != 0
	if stack, err := strconv.ParseUint(string(f[startStack]), 10, 64); err == nil && stack > 1 {
		p.Image = stack // zero or one if we may not trace the process
	}
	p.Zombie = dead(f[0]) && threads <= 1
	p.Stopped = string(f[0]) == "T" || string(f[0]) == "t"
	return p, time.Duration(user+system) * clockTick, time.Duration(childUser+childSystem) * clockTick, true
}

// dead reports whether a state letter stands for a zombie, or for a process that
// is being removed.
func dead(state []byte) bool {
	return len(state) > 0 && (state[0] == 'Z' || state[0] == 'X' || state[0] == 'x')
}

// status is what is read of /proc/PID/status. Amounts are in bytes.
type status struct {
	name                   []byte // as the kernel escapes it
	dead                   bool   // the main thread; others may live
	threads                int
	ppid, group, session   int
	rss, anon, shmem, swap int64
	maxRSS                 int64
	hasAnon, hasName       bool
}

// usage is the memory of the process itself. Kernels before 4.5 and some
// sandboxes do not tell it; then the resident set stands in.
func (s status) usage() int64 {
	if !s.hasAnon {
		return s.rss + s.swap
	}
	return s.anon + s.shmem + s.swap
}

// parseStatus parses /proc/PID/status (proc_pid_status(5)). Zombies and kernel
// threads have no memory lines.
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
			s.dead = dead(value)
		case "Threads":
			s.threads = int(leading(value))
		case "PPid":
			s.ppid = int(leading(value))
		case "NSpgid": // the first number is that of the namespace that /proc shows
			s.group = int(leading(value))
		case "NSsid":
			s.session = int(leading(value))
		case "VmHWM":
			s.maxRSS = kilobytes(value)
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

// parseRollup parses /proc/PID/smaps_rollup (proc_pid_smaps(5)). Pss_Anon and
// Pss_Shmem came with Linux 5.4.
func parseRollup(text []byte) (s Share, ok bool) {
	for line := range bytes.Lines(text) {
		name, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimLeft(value, "\t ")
		switch string(name) {
		case "Pss_Anon":
			s.Private, ok = s.Private+kilobytes(value), true
		case "SwapPss":
			s.Private += kilobytes(value)
		case "Pss_Shmem":
			s.Shmem = kilobytes(value)
		}
	}
	return s, ok
}

// leading returns the number at the start of text, or zero. It stops at 2^50, so
// that sums of such numbers in KB do not overflow.
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

// kilobytes parses "1234 kB".
func kilobytes(text []byte) int64 { return leading(text) << 10 }

// commandLine returns the arguments in /proc/PID/cmdline with spaces between
// them, cut at LongestCommand but not within a character.
func commandLine(text []byte) string {
	cut := text[:min(len(text), LongestCommand)]
	for n := len(cut); n < len(text) && n > 0 && !utf8.RuneStart(text[n]); n-- {
		cut = cut[:n-1]
	}
	return strings.TrimSpace(string(bytes.ReplaceAll(cut, []byte{0}, []byte{' '})))
}
