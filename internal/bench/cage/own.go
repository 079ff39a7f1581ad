package cage

import (
	"fmt"
	"os"
	"strings"

	"github.com/heapmage/heapmage/memtools"
)

// OwnMemory is what a process itself uses, and the highest resident set that it had. Both
// are zero where that cannot be read.
func OwnMemory(pid int) (usage, resident memtools.Bytes) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		size, err := memtools.ParseBytes(fields[1] + "KB")
		if err != nil {
			continue
		}
		switch fields[0] {
		case "RssAnon:":
			usage = size
		case "VmHWM:":
			resident = size
		}
	}
	return usage, resident
}
