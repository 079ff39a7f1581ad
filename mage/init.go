package mage

import (
	"github.com/heapmage/heapmage/internal/pid1"
	_ "github.com/heapmage/heapmage/internal/shim" // the targets are a shim if they are called sh
)

// A build's orphans become children of a container's process 1, which a Dockerfile's RUN
// makes of the targets. It must reap them, and Go's runtime does not.
func init() { pid1.Run() }
