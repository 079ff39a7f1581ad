package mage

import (
	"embed"

	"github.com/magefile/mage/mg"

	"github.com/heapmage/heapmage/internal/completion"
	"github.com/heapmage/heapmage/internal/engine"
)

// sources are the files that have the targets.
//
//go:embed completion.go targets.go build/targets.go
var sources embed.FS

// Completion prints a script with which bash, zsh or fish completes targets, flags, packages and scripts.
func Completion(
	shell *string, // bash, zsh or fish
	line *string, // print what may follow this line instead, as the script asks for it
) error {
	return completion.Print(sources, mg.CacheDir(), engine.Or(shell, ""), line)
}
