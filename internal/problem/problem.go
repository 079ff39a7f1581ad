// Package problem holds the error that a user can fix: what is wrong, where, why,
// and what to do, in at most three lines and with an exit code.
package problem

import (
	"strings"

	"github.com/heapmage/heapmage/internal/printable"
)

// The exit codes of heapmage.
const (
	ExitFailed      = 1   // a task failed
	ExitUsage       = 2   // wrong use or configuration
	ExitNoMemory    = 3   // not enough memory to start
	ExitOutOfMemory = 4   // a task ran out of memory
	ExitGrown       = 5   // memory:check: a task needs more memory than before
	ExitInterrupted = 130 // SIGINT
	ExitTerminated  = 143 // SIGTERM
)

// Error is a mistake that the user can fix. Its text has at most three lines:
//
//	heapmage.yaml:3: unknown key "budgett"
//	💡 did you mean budget?
type Error struct {
	// Where names the file, file:line, package or setting. Empty leaves it out.
	Where string
	// What tells what is wrong, lower case and without a full stop.
	What string
	// Cause is the reason, if another error gives it. Only its text is shown.
	Cause error
	// Hint tells what to do. Empty leaves the line out.
	Hint string
	// Code is the exit code. Zero means ExitUsage.
	Code int
}

// Error returns the message, with the hint on a separate line. Control characters, as
// names from a repository may have them, are escaped.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Where != "" {
		b.WriteString(printable.Name(e.Where) + ": ")
	}
	b.WriteString(printable.Text(e.What))
	if e.Cause != nil {
		b.WriteString(": " + oneLine(e.Cause.Error()))
	}
	if e.Hint != "" {
		b.WriteString("\n💡 " + oneLine(e.Hint))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ExitStatus is the code that Mage's generated main exits with.
func (e *Error) ExitStatus() int {
	if e.Code == 0 {
		return ExitUsage
	}
	return e.Code
}

func oneLine(s string) string { return printable.Text(strings.Join(strings.Fields(s), " ")) }
