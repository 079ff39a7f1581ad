package frame

import "github.com/heapmage/heapmage/internal/environ"

// What a shim folder holds.
const (
	FolderPrefix = "heapmage-guard-" // begins the name of every shim folder
	ShellName    = "sh"              // a link to the program
	SocketName   = "guard.sock"
	KeptName     = "shell" // the ScriptShells that the guard replaced: entries, each with a zero byte at its end
)

// ScriptShells are the variables that tell package managers which shell runs scripts.
var ScriptShells = []string{environ.NPMScriptShell, environ.PNPMScriptShell}
