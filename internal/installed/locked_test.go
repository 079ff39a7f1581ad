package installed

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestLocked: with nothing installed, another version in the lock file concerns those that
// reach it, by every manager.
func TestLocked(t *testing.T) {
	for name, a := range samples(t) {
		t.Run(name, func(t *testing.T) {
			var lock string
			kept := &txtar.Archive{}
			for _, f := range a.Files {
				if isLock(f.Name) {
					lock = string(f.Data)
				}
				if !strings.HasPrefix(f.Name, "node_modules/") && f.Name != pnpFile {
					kept.Files = append(kept.Files, f)
				}
			}
			ws := lay(t, kept, nil).ws
			before := Locked(ws, []byte(lock))
			for what, text := range map[string]string{"the same": lock, "another ansi-styles": strings.ReplaceAll(lock, "4.3.0", "4.3.9")} {
				after := Locked(ws, []byte(text))
				for _, dir := range dirs {
					if same, want := before[dir] == after[dir], text == lock || dir != "packages/b"; same != want || len(after) < 3 {
						t.Errorf("%s: %s has the same: %v", what, dir, same)
					}
				}
			}
			if entries, err := os.ReadDir(ws.Root); err != nil || len(entries) > 6 {
				t.Error("something was written", entries, err)
			}
			for _, bad := range []string{"", "no lock file"} {
				if Locked(ws, []byte(bad)) != nil {
					t.Errorf("%q has closures", bad)
				}
			}
		})
	}
}
