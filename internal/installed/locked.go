package installed

import (
	"path/filepath"

	"github.com/heapmage/heapmage/internal/fingerprint"
	"github.com/heapmage/heapmage/internal/workspace"
)

// Locked returns the digests of the closures of a workspace's packages, by Dir, as a text of
// its lock file has them. Nothing need be installed. Two texts have equal digests for a
// package if the same would be installed for it. It is nil if closures cannot be told.
func Locked(ws *workspace.Workspace, lock []byte) map[string]fingerprint.Digest {
	if len(lock) == 0 {
		return nil
	}
	i := &Installed{project: project{ws: ws, digests: fingerprint.Open(ws.Root, "", "").LookOnly(), manifests: manifestsOf(ws), locked: lock}}
	a := i.read()
	if a.All != nil {
		return nil
	}
	closures := map[string]fingerprint.Digest{}
	for dir, s := range a.Roots {
		closures[dir] = s.Digest
	}
	return closures
}

// lockedText is what text returns if all of the lock file were installed.
func (p *project) lockedText(name string) []byte {
	switch filepath.ToSlash(name) {
	case p.ws.LockFile, npmInstalled, pnpmInstalled:
		return p.locked
	case yarnInstalled, berryState:
		return []byte("{}") // they have only lists, which are not compared
	}
	return nil
}
