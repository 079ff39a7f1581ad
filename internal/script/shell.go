package script

import (
	"runtime"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/scripttext"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Shell returns the command line that runs a text in the system's shell.
func Shell(text string) []string {
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/d", "/s", "/c", text}
	}
	return []string{"/bin/sh", "-c", text}
}

// ScriptShell is the shell for scripts that the package manager's settings name; empty if they
// name none.
func (s *Settings) ScriptShell() string { return s.scriptShell }

// shell is the command line that runs a script's text.
func (s *Settings) shell(text string, env []string) []string {
	if s.scriptShell != "" {
		return []string{s.scriptShell, "-c", text}
	}
	if bash := environ.Program(env, "bash"); s.ws.Manager == workspace.Bun && bash != "" && runtime.GOOS != "windows" {
		return []string{bash, "-c", text} // Bun prefers it
	}
	return Shell(text)
}

// Quoted returns words as the text that Shell's shell reads as these words, a space before
// each. On Windows a % and an end of line are not kept from acting.
func Quoted(args []string) string {
	var text strings.Builder
	for _, a := range args {
		text.WriteString(" " + quote(a))
	}
	return text.String()
}

// quote writes an argument so that the shell reads it as one word.
func quote(arg string) string {
	plain := scripttext.Quote(arg)
	if runtime.GOOS == "windows" && plain != arg {
		return `"` + strings.ReplaceAll(arg, `"`, `\"`) + `"`
	}
	return plain
}
