package cachedtask

import (
	"runtime"
	"strings"
	"sync"

	files "github.com/heapmage/heapmage/internal/folder"
)

// system names what programs of the system are the same in: the system, its architecture, and on Linux the
// distribution with its version, of which the C library and the tools in /usr come.
var system = sync.OnceValue(func() string {
	text := runtime.GOOS + "/" + runtime.GOARCH
	if runtime.GOOS != "linux" {
		return text
	}
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} { // the first that is there counts
		if release, err := files.ReadFile(name); err == nil {
			return text + " " + distribution(string(release))
		}
	}
	return text
})

// distribution is ID and VERSION_ID of an os-release file, with a slash between
// (https://www.freedesktop.org/software/systemd/man/os-release.html).
func distribution(release string) string {
	found := map[string]string{}
	for line := range strings.Lines(release) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			found[name] = strings.Trim(value, `"'`)
		}
	}
	return found["ID"] + "/" + found["VERSION_ID"]
}
