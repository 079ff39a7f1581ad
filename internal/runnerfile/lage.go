package runnerfile

import (
	"strings"

	"github.com/tailscale/hujson"

	"github.com/heapmage/heapmage/internal/jsonc"
	"github.com/heapmage/heapmage/internal/workspace"
)

// lageNames are where Lage looks, in its order.
var lageNames = []string{".lagerc", ".lagerc.json", "lage.config.json", "lage.config.js", "lage.config.cjs", "lage.config.mjs"}

// Lage finds the configuration of Lage: top is what holds it in d, which is nil if there is
// none, or only a program.
func Lage(ws *workspace.Workspace) (d *jsonc.Document, top hujson.Value, err error) {
	if root := ws.RootPackage; root != nil && strings.Contains(string(root.Manifest), `"lage"`) {
		if d, err = jsonc.Parse("package.json", root.Manifest); err != nil {
			return nil, top, err
		}
		if top, ok := jsonc.Member(d.Top, "lage"); ok {
			return d, top, nil
		}
	}
	for _, name := range lageNames {
		d, err = jsonc.ReadData(ws.Root, name)
		if d != nil || err != nil {
			break
		}
	}
	if d != nil {
		top = d.Top
	}
	return d, top, err
}
