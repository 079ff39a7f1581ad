package taskcgroup

import "golang.org/x/sys/unix"

// marked reports whether systemd has marked a cgroup as delegated: its user managers set
// only the second of these, from version 251 on.
func marked(dir string) bool {
	value := make([]byte, 8)
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}
