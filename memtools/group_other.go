//go:build !unix || solaris || illumos

package memtools

// processGroup returns zero: this system has no process groups, or no call that
// tells them.
func processGroup(int) int { return 0 }
