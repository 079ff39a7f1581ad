// Package cilog decides what a run tells the CI system that reads its log, beside the log itself:
// groups around the output of tasks, annotations of what failed, and what of the commands that
// scripts print counts. It returns lines, and prints nothing.
package cilog

import (
	"path/filepath"
	"sync"
	"time"

	"github.com/heapmage/heapmage/ci"
	"github.com/heapmage/heapmage/internal/config"
	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/folder"
)

// Log is the log of one run, as a CI system reads it. Nil is a log that none reads: then all lines
// are empty.
type Log struct {
	System ci.System
	// Folder is that of the workspace in the repository, with "/"; "." if it is the root, and empty
	// if there is none.
	Folder string

	told [ci.Notice + 1]int
	// held are annotations of tasks that had more than their share. They are told at the end, as
	// long as there is room.
	held []ci.Annotation
	// more counts the annotations that are not told.
	more int

	mu sync.Mutex // guards own
	// own are the annotations that scripts print, by the task's log.
	own map[string][]ci.Annotation
}

// Detect returns the log of a run in the workspace at root. It is nil if no CI system that obeys
// lines of its log reads it, if the configuration switches that off, and for a run inside a task of
// another run, whose log has it.
func Detect(c *config.Config, env []string, root string) *Log {
	getenv := func(name string) string { return environ.Value(env, name) }
	l := &Log{System: ci.Detect(getenv)}
	if c.CI == config.CIOff || (ci.Group{}).Start(l.System, time.Time{}) == "" || getenv(environ.Task) != "" {
		return nil
	}
	for at := root; ; at = filepath.Dir(at) {
		if folder.Has(at, ".git") {
			rel, _ := filepath.Rel(at, root) // at is above it
			l.Folder = filepath.ToSlash(rel)
			return l
		}
		if at == filepath.Dir(at) {
			return l
		}
	}
}

// Output is what a script wrote that has ended.
type Output struct {
	// Label names its task, and Log is the file that holds it.
	Label, Log string
	// Took is how long the script ran.
	Took      time.Duration
	Succeeded bool
	// Placed is set if annotations show where its errors are.
	Placed bool
}

// Margin is what stands in front of each line of output. Problem matchers for tsc and ESLint, as
// actions/setup-node has them, would annotate errors again, those of tsc without their files. The
// one finds nothing behind a space, the other nothing behind a bar.
func (l *Log) Margin(o Output) string {
	if l == nil || l.System != ci.GitHubActions || !o.Placed {
		return ""
	}
	return "   │ "
}

// Around returns what stands around the output of a task that ended at a time. What a failed one
// wrote is in a group only where that can be shown open. On Buildkite the header above it is
// enough.
func (l *Log) Around(o Output, at time.Time) (start, end string) {
	if l == nil || l.System == ci.Buildkite || !o.Succeeded && l.System != ci.GitLab {
		return "", ""
	}
	run := filepath.Base(filepath.Dir(filepath.Dir(o.Log)))
	g := ci.Group{ID: run + "_" + filepath.Base(o.Log), Title: "Output of " + o.Label, Open: !o.Succeeded}
	return g.Start(l.System, at.Add(-o.Took)), g.End(l.System, at)
}

// Header returns the line that begins a group on Buildkite, where one lasts until the next.
func (l *Log) Header(title string, open bool) string {
	if l == nil || l.System != ci.Buildkite {
		return ""
	}
	return ci.Group{Title: title, Open: open}.Start(l.System, time.Time{})
}
