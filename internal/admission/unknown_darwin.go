package admission

import (
	"os"
	"slices"
	"time"
)

// unknown returns those folders that have not changed for a week: the system does not tell
// the environments of all processes.
func unknown(folders []string) []string {
	return slices.DeleteFunc(folders, func(folder string) bool {
		info, err := os.Lstat(folder)
		return err != nil || time.Since(info.ModTime()) < 7*24*time.Hour
	})
}
