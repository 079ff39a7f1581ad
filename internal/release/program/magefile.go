//go:build mage

package main

import (
	"github.com/heapmage/heapmage/internal/commandline"
	//mage:import
	_ "github.com/heapmage/heapmage/mage"
	_ "github.com/heapmage/heapmage/mage/remote"
	_ "github.com/heapmage/heapmage/mage/s3"

	//mage:import build
	_ "github.com/heapmage/heapmage/mage/build"
)

// This is the program for people without Go. What stands before "package" would be the first
// line of -l.
func init() { commandline.Translate() }
