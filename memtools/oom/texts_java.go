package oom

import (
	"bytes"
	"strings"
)

const javaError = "java.lang.OutOfMemoryError: "

func (s *Scanner) java(rest []byte) finding {
	line := quote(rest)
	_, what, _ := strings.Cut(line, javaError)
	f := s.finding(JVMHeap, what, rest)
	switch {
	case strings.HasPrefix(what, "unable to create native thread"):
		f.cause, f.detail = SystemAllocation, "Java: unable to create native thread"
	case strings.HasPrefix(what, "Requested array size exceeds VM limit"):
		f.cause = EngineLimit
	}
	return f
}

func (s *Scanner) javaThread(prefix string, rest []byte) {
	if bytes.Contains(rest, []byte(`" `+javaError)) {
		s.die(s.java(rest), prefix)
	}
}

func (s *Scanner) javaExit(prefix string, rest []byte) { s.die(s.java(rest), prefix) }

func (s *Scanner) javaTrace(prefix string, rest []byte) { s.await(s.java(rest), prefix, isStackFrame) }

// javaStart takes a JVM that could not start: the line after "Error occurred during
// initialization of VM".
func (s *Scanner) javaStart(prefix string, rest []byte) {
	if s.jvmStart.before(s.found.lines, 1, prefix) && (bytes.HasPrefix(rest, []byte("Could not reserve ")) || bytes.HasPrefix(rest, []byte("Could not allocate "))) {
		s.die(s.finding(SystemAllocation, "Java: "+quote(rest), rest), prefix)
	}
}
