package v8heap

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// settled is the age from which a folder without a server is an abandoned one. A younger
// one may belong to a server that is about to listen.
const settled = time.Minute

// removeAbandoned removes from dir the folders of servers that were killed: nothing
// listens on their sockets.
func removeAbandoned(dir string) {
	folders, _ := filepath.Glob(filepath.Join(dir, prefix+"*")) // the pattern is well-formed unless dir spoils it
	for _, folder := range folders {
		s := &Server{dir: folder}
		info, err := os.Lstat(s.socketPath())
		if err != nil || info.Mode().Type() != os.ModeSocket || time.Since(info.ModTime()) < settled {
			continue
		}
		c, err := net.DialTimeout("unix", s.socketPath(), 100*time.Millisecond)
		if err == nil {
			_ = c.Close()
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(s.socketPath())
			_ = os.Remove(folder) // it stays if anything else is in it
		}
	}
}
