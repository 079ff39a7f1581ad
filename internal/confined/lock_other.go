//go:build !windows && (!unix || solaris || aix)

package confined

import "os"

func lock(*os.File) (taken bool) { return false }
