package proctable

import (
	"fmt"
	"os"
	"strings"
)

// Listening reports whether somebody listens on a port of this machine, or holds it.
func Listening(tid uint32, port uint16) bool {
	const stateListen = "0A"
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", tid, table))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) > 3 && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) &&
				(fields[3] == stateListen || strings.HasPrefix(table, "udp")) {
				return true
			}
		}
	}
	return false
}
