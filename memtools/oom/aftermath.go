package oom

import (
	"bytes"

	"github.com/heapmage/heapmage/internal/lazyregexp"
)

// abortReport is how package managers, test runners and task runners report as a failure
// that a process below them aborted: by SIGABRT, or by the signal of another platform, as
// an exit code of a shell, or as a worker that is gone.
var abortReport = lazyregexp.New(`\*\*\* .*\] Aborted` +
	`|(?i:exit(?:ed|code)?|code|status|errno)[:=]?(?: with)?(?: exit)?(?: code| status)?[:=]? ?[(\x60]?13[2-4]\b` +
	`|(?i:exited|terminated|failed|crashed|died|signal|signalcode|killed)\b.{0,40}\bSIG(?:ABRT|TRAP|ILL)\b` +
	`|jest worker process .* was terminated|Worker exited unexpectedly|Call retries were exceeded|Channel closed|probably out of memory`)

// passed begins the line of a test that went well: what it reports was wanted.
var passed = lazyregexp.New(`^\s*(?:ok\b|[✓✔√]|# Subtest)`)

// neutral is a line that belongs to a death of V8, or that tells only that something
// failed.
var neutral = lazyregexp.New(`^\s*$|^\s*(?:-{3,}.*-{3,}$|<---|#|\d+: |at |npm (?:error|ERR!|notice|warn|WARN)|error Command failed|info Visit |error: script |==== )` +
	`|ELIFECYCLE|ERR_PNPM_|(?:^|: line \d+: +\d+ )(?:Aborted|Trace/breakpoint trap|Illegal instruction)(?: \(core dumped\))?(?:\s|$)` +
	`|^[^:(]*\b[Ff]ailed\b[^:(]*$`)

// follow looks at a line behind a death that aborted a process.
func (s *Scanner) follow(line []byte) {
	death := s.found.death
	if !death.aborts || s.found.lines <= death.at || s.found.aborted.at > death.at {
		return // nothing to look for, or it was found
	}
	line = bytes.TrimLeft(bytes.TrimPrefix(line, bytes.TrimRight([]byte(s.deathPrefix), " \t")), " \t")
	switch {
	case passed().Match(line):
		s.found.wentOn = true
	case abortReport().Match(line):
		s.found.aborted = s.finding(Signal, "", line)
	case !neutral().Match(line):
		s.found.wentOn = true
	}
}
