package cilog

import (
	"bytes"
	"io"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/printable"
)

// Listen returns a writer that takes the output of a task before it is printed, and finds in it what
// the script tells the CI system. Secrets are hidden at once, in lines that say prints. Annotations
// are told at the task's end, even if the output itself is not printed. Whatever else the script
// says to the system is only text. log is the task's; locate returns the path, relative to the
// workspace, of a file that the script names, empty if there is none in the workspace. Close the
// writer after the last write.
func (l *Log) Listen(log string, locate func(file string) string, say func(lines string)) io.WriteCloser {
	if l == nil || l.System != ci.GitHubActions && l.System != ci.AzurePipelines {
		return deaf{}
	}
	return &listener{of: l, log: log, locate: locate, say: say}
}

// deaf finds nothing.
type deaf struct{}

func (deaf) Write(p []byte) (int, error) { return len(p), nil }
func (deaf) Close() error                { return nil }

// The bounds of what is taken from one attempt.
const (
	mostMasks   = 1000
	mostOwn     = 3 * most
	longestLine = 64 << 10 // in bytes
)

type listener struct {
	of     *Log
	log    string
	locate func(string) string
	say    func(string)

	line  []byte // that has not ended
	long  bool   // it is too long to be told anything by it
	masks int
	own   []ci.Annotation
}

func (l *listener) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		at := bytes.IndexAny(rest, "\r\n")
		if at < 0 {
			l.keep(rest)
			break
		}
		l.keep(rest[:at])
		l.hear()
		rest = rest[at+1:]
	}
	return len(p), nil
}

func (l *listener) keep(part []byte) {
	if l.long = l.long || len(l.line)+len(part) > longestLine; !l.long {
		l.line = append(l.line, part...)
	}
}

// hear looks at a line that has ended.
func (l *listener) hear() {
	line, long := l.line, l.long
	l.line, l.long = l.line[:0], false
	if long || !bytes.Contains(line, []byte("::")) && !bytes.Contains(line, []byte("##vso[")) {
		return
	}
	system := l.of.System
	if secret, ok := system.ParseMask(string(line)); ok && l.masks < mostMasks {
		l.masks++
		l.say(system.Mask(secret))
	} else if a, ok := system.ParseAnnotation(string(line)); ok && len(l.own) < mostOwn {
		l.own = append(l.own, l.placed(a))
	}
}

// placed moves the place of an annotation whose file is not in the workspace into its message.
func (l *listener) placed(a ci.Annotation) ci.Annotation {
	if a.File == "" {
		return a
	}
	if file := l.locate(a.File); file != "" {
		a.File = file
		return a
	}
	a.Message = printable.Text(a.File) + ": " + a.Message
	a.File, a.Line, a.Column = "", 0, 0
	return a
}

func (l *listener) Close() error {
	l.hear()
	if len(l.own) > 0 {
		l.of.mu.Lock()
		if l.of.own == nil {
			l.of.own = map[string][]ci.Annotation{}
		}
		l.of.own[l.log] = l.own
		l.of.mu.Unlock()
	}
	return nil
}

// take returns the annotations that a task printed, once.
func (l *Log) take(log string) []ci.Annotation {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.own[log]
	delete(l.own, log)
	return own
}
