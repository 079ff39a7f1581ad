package script

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/workspace"
)

// describePackage sets npm_package_*: the package's name, version and file, and its bin,
// config and engines, as npm 7 and newer do. Older managers set every field, yarn 2 and
// newer the name, the version and the file only.
func (s *Settings) describePackage(env variables, pkg *workspace.Package) {
	all := s.ws.Manager == workspace.PNPM && s.major() < 10 || s.ws.Manager == workspace.Yarn && !s.ws.Berry()
	if !all {
		env.set(environ.NPMPackageJSON, filepath.Join(pkg.Path, "package.json"))
	}
	if pkg.DeclaredName != "" {
		env.set(environ.NPMPackageName, pkg.DeclaredName)
	}
	env.set(environ.NPMPackageVersion, pkg.Version)
	var manifest map[string]any
	// That the file is JSON was seen when the workspace was loaded.
	_ = json.Unmarshal(pkg.Manifest, &manifest)
	switch {
	case s.ws.Berry():
	case all:
		for name, v := range manifest {
			if name != "readme" && !strings.HasPrefix(name, "_") {
				flattenAll(env, strings.TrimSuffix(environ.NPMPackagePrefix, "_")+"_"+name, v)
			}
		}
	case s.ws.Manager == workspace.Bun:
		config, _ := manifest["config"].(map[string]any)
		for key, v := range config {
			if text, ok := v.(string); ok {
				env.set(environ.NPMPackageConfig+"_"+key, text)
			}
		}
	default:
		describeFields(env, pkg, manifest)
	}
}

// describeFields sets the fields of package.json that npm shows. One of the wrong type is
// left out.
func describeFields(env variables, pkg *workspace.Package, manifest map[string]any) {
	switch bin := manifest["bin"].(type) {
	case string:
		env.set(environ.NPMPackageBin+"_"+pkg.DeclaredName[strings.LastIndex(pkg.DeclaredName, "/")+1:], bin)
	case map[string]any:
		flatten(env, environ.NPMPackageBin, bin)
	}
	for prefix, field := range map[string]any{environ.NPMPackageConfig: manifest["config"], environ.NPMPackageEngines: manifest["engines"]} {
		if fields, ok := field.(map[string]any); ok {
			flatten(env, prefix, fields)
		}
	}
}

// flatten sets a variable for each value in an object: PREFIX_KEY_KEY.
func flatten(env variables, prefix string, fields map[string]any) {
	for key, v := range fields {
		name := prefix + "_" + key
		switch v := v.(type) {
		case string:
			env.set(name, v)
		case map[string]any:
			flatten(env, name, v)
		case nil:
			env.set(name, "")
		default:
			if text, err := json.Marshal(v); err == nil {
				env.set(name, string(text))
			}
		}
	}
}

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// flattenAll sets variables for a value of any kind; lists have their indexes as keys.
func flattenAll(env variables, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			flattenAll(env, name+"_"+key, inner)
		}
	case []any:
		for i, inner := range v {
			flattenAll(env, fmt.Sprintf("%s_%d", name, i), inner)
		}
	default:
		text, ok := v.(string)
		if raw, err := json.Marshal(v); err == nil && (!ok || strings.Contains(text, "\n")) {
			text = string(raw)
		}
		env.set(notInNames.ReplaceAllString(name, "_"), text)
	}
}
