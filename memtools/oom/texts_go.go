package oom

import (
	"bytes"
	"strconv"

	"github.com/heapmage/heapmage/internal/lazyregexp"
	"github.com/heapmage/heapmage/memtools"
)

var goBlock = lazyregexp.New(`\((\d{1,18}) in use\)$`)

func (s *Scanner) goUsage(prefix string, rest []byte) {
	s.goUse = note{prefix: prefix, at: s.found.lines}
	if m := goBlock().FindSubmatch(rest); m != nil {
		n, _ := strconv.ParseInt(string(m[1]), 10, 64) // eighteen digits fit
		s.goUse.value = memtools.Bytes(n)
	}
}

// goFatal takes the end of a Go program. The words after "fatal error: " are those of
// the runtime's mmap failures, as C compilers write the same start.
func (s *Scanner) goFatal(prefix string, rest []byte) {
	what := bytes.TrimPrefix(bytes.TrimPrefix(rest, []byte("fatal error: ")), []byte("runtime: "))
	for _, w := range []string{"out of memory", "cannot allocate memory", "failed to reserve page summary memory"} {
		if !bytes.HasPrefix(what, []byte(w)) {
			continue
		}
		f := s.finding(GoMemory, "", rest)
		if s.goUse.before(f.at, 3, prefix) {
			f.used = s.goUse.value
		}
		s.await(f, prefix, func(rest []byte) bool {
			return bytes.HasPrefix(rest, []byte("goroutine ")) || bytes.HasPrefix(rest, []byte("runtime stack:"))
		})
	}
}

func (s *Scanner) goStack(prefix string, rest []byte) {
	s.await(s.finding(StackOverflow, "", rest), prefix, func(rest []byte) bool {
		return bytes.Equal(rest, []byte("fatal error: stack overflow"))
	})
}

// nameGoProgram looks for the Go programs that JavaScript repositories run.
func nameGoProgram(f *finding, line []byte) {
	switch {
	case bytes.Contains(line, []byte("github.com/evanw/esbuild/")):
		f.cause = Esbuild
	case bytes.Contains(line, []byte("github.com/microsoft/typescript-go/")):
		f.detail = "TypeScript 7"
	}
}
