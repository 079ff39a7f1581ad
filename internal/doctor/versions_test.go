package doctor

import (
	"reflect"
	"testing"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/workspace"
)

func TestManagerOf(t *testing.T) {
	for _, tt := range []struct {
		claim     string
		ws        workspace.Workspace
		installed script.Manager
		want      Manager
	}{
		{"a version that a lock file implies is not declared", workspace.Workspace{Manager: "pnpm", ManagerVersion: "9", ManagerFrom: "pnpm-lock.yaml"},
			script.Manager{Version: "9.5.0"}, Manager{Name: "pnpm", From: "pnpm-lock.yaml", Version: "9.5.0"}},
		{"one in package.json is", workspace.Workspace{Manager: "pnpm", ManagerVersion: "9.1.0", ManagerFrom: "package.json", ManagerDeclared: true},
			script.Manager{Version: "10.5.0", Switches: true, Bring: "run: x"}, Manager{Name: "pnpm", From: "package.json", Declared: "9.1.0", Version: "10.5.0", Switches: true, Hint: "run: x"}},
		{"a missing one has the reason", workspace.Workspace{Manager: "pnpm"},
			script.Manager{Bring: "run: x", Err: &problem.Error{Where: "package.json", What: "asks for pnpm", Hint: "run: y"}},
			Manager{Name: "pnpm", Error: "package.json: asks for pnpm", Hint: "run: y"}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := managerOf(&tt.ws, &script.Settings{Manager: tt.installed}); got != tt.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestEnginesOf(t *testing.T) {
	pkg := func(name, manifest string) *workspace.Package {
		return &workspace.Package{Name: name, Manifest: []byte(manifest)}
	}
	packages := []*workspace.Package{
		pkg("web", `{"engines": {"node": ">=24", "vscode": "^1"}}`), pkg("core", `{"engines": {"node": ">=24", "pnpm": "<9", "yarn": "1"}}`),
		pkg("fits", `{"engines": {"node": ">=20 <23 || 24", "pnpm": "*"}}`), pkg("odd", `{"engines": {"node": 24}}`), pkg("odder", `{"engines": ["node >= 24"]}`), pkg("tag", `{"engines": {"node": "lts"}}`), pkg("none", `{}`), {Name: "go"},
	}
	settings := &script.Settings{Node: script.Node{Version: "22.1.0"}, Manager: script.Manager{Version: "9.5.0"}}
	want := []Engine{
		{Program: "node", Range: ">=24", Version: "22.1.0", Packages: []string{"core", "web"}, Refused: true},
		{Program: "pnpm", Range: "<9", Version: "9.5.0", Packages: []string{"core"}, Refused: true},
	}
	if got := enginesOf(&workspace.Workspace{Manager: workspace.PNPM}, packages, settings); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	for claim, tt := range map[string]struct {
		ws   workspace.Workspace
		want bool
	}{
		"npm warns":              {workspace.Workspace{Manager: workspace.NPM}, false},
		"yarn 1 refuses":         {workspace.Workspace{Manager: workspace.Yarn, ManagerVersion: "1.22.0"}, true},
		"newer yarns do not ask": {workspace.Workspace{Manager: workspace.Yarn, ManagerVersion: "4.1.0"}, false},
		"neither does bun":       {workspace.Workspace{Manager: workspace.Bun}, false},
	} {
		if got := enginesOf(&tt.ws, packages, settings)[0].Refused; got != tt.want {
			t.Errorf("%s: %v", claim, got)
		}
	}
	unknown := &script.Settings{}
	if got := enginesOf(&workspace.Workspace{Manager: workspace.PNPM}, packages, unknown); got != nil {
		t.Errorf("without any version: %+v", got)
	}
}
