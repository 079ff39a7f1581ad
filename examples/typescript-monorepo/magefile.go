//go:build mage

package main

import (
	//mage:import
	_ "github.com/heapmage/heapmage/mage"
	//mage:import build
	_ "github.com/heapmage/heapmage/mage/build"
)
