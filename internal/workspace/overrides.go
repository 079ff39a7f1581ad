package workspace

import (
	"encoding/json"
	"maps"
	"regexp"

	"github.com/heapmage/heapmage/internal/packagejson"
)

// catalogs collects the catalogs of pnpm-workspace.yaml, .yarnrc.yml and, for
// bun, of package.json.
func catalogs(r *root, own *packagejson.Manifest) map[string]map[string]string {
	switch {
	case r.Name == PNPM && r.PNPM != nil:
		return r.PNPM.Catalogs
	case r.Name == Yarn && r.YarnRC != nil:
		return r.YarnRC.Catalogs
	case r.Name != Bun:
		return nil
	}
	type lists struct {
		Catalog  map[string]string
		Catalogs map[string]map[string]string
	}
	var top, inner lists
	own.Decode("catalog", &top.Catalog)
	own.Decode("catalogs", &top.Catalogs)
	own.Decode("workspaces", &inner)
	all := map[string]map[string]string{"default": top.Catalog}
	if inner.Catalog != nil {
		all["default"] = inner.Catalog
	}
	maps.Copy(all, top.Catalogs)
	maps.Copy(all, inner.Catalogs)
	return all
}

// plainName matches the key of an override that concerns every use of a package.
var plainName = regexp.MustCompile(`^(?:\*\*/)?((?:@[^/@>]+/)?[^/@>]+)$`)

// overrides collects what replaces an entry everywhere: pnpm's "overrides" and
// yarn's "resolutions", as far as they name a package and not only some uses of
// it.
func overrides(r *root, own *packagejson.Manifest) map[string]string {
	var texts map[string]string
	switch r.Name {
	case PNPM:
		var section struct{ Overrides json.RawMessage }
		own.Decode("pnpm", &section)
		texts = map[string]string{}
		_ = json.Unmarshal(section.Overrides, &texts) // of another type: none
		if r.PNPM != nil {
			maps.Copy(texts, r.PNPM.Overrides)
		}
	case Yarn:
		texts = own.Texts("resolutions")
	case NPM, Bun: // theirs are not read
	}
	plain := map[string]string{}
	for key, value := range texts {
		if found := plainName.FindStringSubmatch(key); found != nil {
			plain[found[1]] = value
		}
	}
	return plain
}
