package oom

import (
	"bytes"

	"github.com/heapmage/heapmage/internal/lazyregexp"
)

// text is one text to look for. anchor is the start of its line, possibly behind a
// runner's prefix. found gets the line from there on, without escape sequences.
type text struct {
	anchor []byte
	found  func(s *Scanner, prefix string, rest []byte)
}

// texts are what runtimes write at their end. Each has a sample of a real death in
// testdata.
var texts = []text{
	{[]byte("FATAL ERROR: "), (*Scanner).v8Fatal},
	{[]byte("<--- Last few GCs --->"), func(s *Scanner, prefix string, _ []byte) { s.collection = note{prefix: prefix, at: s.found.lines} }},
	{[]byte("# Fatal process OOM in "), (*Scanner).v8Process},
	{[]byte("# Fatal process out of memory: "), (*Scanner).v8Process},
	{[]byte("Error [ERR_WORKER_OUT_OF_MEMORY]: "), (*Scanner).worker},
	{[]byte("ERR_WORKER_OUT_OF_MEMORY: Worker terminated due to reaching memory limit"), (*Scanner).worker},
	{[]byte("Error: Worker terminated due to reaching memory limit"), (*Scanner).workerMessage},
	{[]byte("[Error: Worker terminated due to reaching memory limit"), (*Scanner).workerMessage},
	{[]byte("{ [Error: Worker terminated due to reaching memory limit"), (*Scanner).workerMessage},
	{[]byte("RangeError: "), (*Scanner).rangeError},
	{[]byte("runtime: out of memory: "), (*Scanner).goUsage},
	{[]byte("runtime: goroutine stack exceeds "), (*Scanner).goStack},
	{[]byte("fatal error: "), (*Scanner).goFatal},
	{[]byte("Exception in thread \""), (*Scanner).javaThread},
	{[]byte("Terminating due to java.lang.OutOfMemoryError: "), (*Scanner).javaExit},
	{[]byte("Aborting due to java.lang.OutOfMemoryError: "), (*Scanner).javaExit},
	{[]byte("Caused by: java.lang.OutOfMemoryError: "), (*Scanner).javaTrace},
	{[]byte("java.lang.OutOfMemoryError: "), (*Scanner).javaTrace},
	{[]byte("Error occurred during initialization of VM"), func(s *Scanner, prefix string, _ []byte) { s.jvmStart = note{prefix: prefix, at: s.found.lines} }},
	{[]byte("Could not "), (*Scanner).javaStart},
	{[]byte("# There is insufficient memory for the Java Runtime Environment"), (*Scanner).refused},
	{[]byte("terminate called after throwing an instance of 'std::bad_alloc'"), (*Scanner).refused},
	{[]byte("memory allocation of "), (*Scanner).rust},
	{[]byte("Traceback (most recent call last):"), func(s *Scanner, prefix string, _ []byte) { s.traceback = note{prefix: prefix, at: s.found.lines} }},
	{[]byte("MemoryError"), (*Scanner).python},
}

// match looks for every known text in a line.
func (s *Scanner) match(line []byte) {
	for i := range texts {
		at := bytes.Index(line, texts[i].anchor)
		if at >= 0 && prefixed(line[:at]) {
			texts[i].found(s, string(line[:at]), line[at:])
		}
	}
	s.heapSize(line)
	s.jestWorker(line)
	if bytes.HasSuffix(line, []byte(": Cannot allocate memory")) && !bytes.ContainsAny(line, "\"`") {
		s.found.weak = s.finding(SystemAllocation, quote(line), line)
	}
	if bytes.HasSuffix(line, []byte("not found")) {
		if m := notFound().FindSubmatch(line); m != nil {
			s.found.missing = s.finding(CommandNotFound, quote(m[1]), line)
		}
	}
	s.kill(line)
}

func (s *Scanner) finding(c Cause, detail string, line []byte) finding {
	return finding{cause: c, detail: detail, line: quote(line), at: s.found.lines}
}

func (s *Scanner) refused(prefix string, rest []byte) {
	what := "std::bad_alloc"
	if rest[0] == '#' {
		what = "Java: insufficient memory"
	}
	s.die(s.finding(SystemAllocation, what, rest), prefix)
}

// notFound is how sh, dash, BusyBox and bash report a missing command.
var notFound = lazyregexp.New(`^[^"]*?: (?:line )?(?:\d+: )?([^\s:]+): (?:command )?not found$`)

var rustFailed = lazyregexp.New(`^memory allocation of \d+ bytes failed$`)

func (s *Scanner) rust(prefix string, rest []byte) {
	if rustFailed().Match(rest) {
		s.die(s.finding(SystemAllocation, quote(rest), rest), prefix)
	}
}

func (s *Scanner) python(prefix string, rest []byte) {
	if len(rest) > len("MemoryError") && rest[len("MemoryError")] != ':' {
		return
	}
	if s.traceback.before(s.found.lines, window, prefix) {
		s.die(s.finding(SystemAllocation, "Python: MemoryError", rest), prefix)
	}
}

// killedBelow is how shells, package managers and runners report that a process below
// them was killed: signal 9, or 137 as its exit code.
var killedBelow = lazyregexp.New(`(?:^|[:|\]│┃] +)Killed(?:: 9)?$` +
	`|line \d+: +\d+ Killed\s|\*\*\* .*\] Killed$|signal: killed$|signal: 'SIGKILL'` +
	`|(?i:exit(?:ed)?(?: with)?(?: exit)? (?:code|status) 137\b)|exited \(137\)` +
	`|npm (?:error|ERR!) (?:code|errno) 137$|^\s+code: 137,?$`)

// esbuildGone is how esbuild's library reports that its process ended.
var esbuildGone = lazyregexp.New(`^(?:Error: )?The service (?:was stopped|is no longer running)`)

func (s *Scanner) kill(line []byte) {
	killed := mayTellOfAKill(line) && killedBelow().Match(line)
	gone := bytes.Contains(line, []byte("The service ")) && esbuildGone().Match(line)
	if !killed && !gone {
		return
	}
	f := s.finding(Killed, "", line)
	f.soft = !killed
	// Of several lines about one kill the first is the closest to it.
	if last := s.found.killed; last.at > 0 && f.at-last.at <= nearEnd && last.soft == f.soft {
		f.line = last.line
	}
	s.found.killed = f
}

// mayTellOfAKill saves most lines the regular expression.
func mayTellOfAKill(line []byte) bool {
	if bytes.Contains(line, []byte("137")) {
		return bytes.Contains(line, []byte("code")) || bytes.Contains(line, []byte("status")) || bytes.Contains(line, []byte("exit")) ||
			bytes.Contains(line, []byte("errno"))
	}
	return bytes.Contains(line, []byte("illed")) || bytes.Contains(line, []byte("SIGKILL"))
}
