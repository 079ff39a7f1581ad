package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/workspace"
	"github.com/heapmage/heapmage/memtools"
)

// setUp is a set-up whose Node is not a process. Its one package has the scripts.
func setUp(root string, scripts map[string]string) Setup {
	pkg := &workspace.Package{Name: "core", Path: filepath.Join(root, "core"), Scripts: scripts}
	return Setup{
		Workspace: &workspace.Workspace{Root: root, Manager: workspace.NPM}, Packages: []*workspace.Package{pkg},
		Limits: memtools.Limits{Effective: 8 * gb}, Budget: 6 * gb,
		HeapLimit: func(young memtools.Bytes) memtools.Bytes { return 4*gb - young },
		readSettings: func(context.Context) (*script.Settings, error) {
			return &script.Settings{Node: script.Node{Path: "/bin/node", Version: "22.1.0", Major: 22, YoungGeneration: gb}, UserHeapLimit: gb, UserHeapSource: ".npmrc", MergedFrom: ".npmrc"}, nil
		},
		collect: func(context.Context, *script.Settings) (memtools.Bytes, string, error) { return 30, "", nil },
	}
}

func TestGather(t *testing.T) {
	whole := Facts{
		NodePath: "/bin/node", NodeVersion: "22.1.0", NodeMajor: 22, NodeOptions: []string{"--max-old-space-size=1024"}, NodeOptionsFrom: ".npmrc", GCFreed: 30,
		Limits: memtools.Limits{Effective: 8 * gb}, Budget: 6 * gb, HeapLimit: 3 * gb, UserHeapLimit: gb, UserHeapSource: ".npmrc",
		Manager: Manager{Name: "npm"},
	}
	core := []string{"core"}
	for _, tt := range []struct {
		claim   string
		scripts map[string]string
		change  func(*Setup)
		want    func(*Facts)
	}{
		{"all of a set-up that works", nil, func(*Setup) {}, func(*Facts) {}},
		{"a pod", nil, func(s *Setup) { s.Environ = []string{"KUBERNETES_SERVICE_HOST=10.0.0.1"} }, func(f *Facts) { f.Kubernetes = true }},
		{"no pod by an empty variable", nil, func(s *Setup) { s.Environ = []string{"KUBERNETES_SERVICE_HOST="} }, func(*Facts) {}},
		{"nothing of Node in a Go workspace", nil, func(s *Setup) { s.Workspace.Manager = workspace.Go },
			func(f *Facts) { *f = Facts{Limits: f.Limits, Budget: f.Budget} }},
		{"a node that is missing", nil, func(s *Setup) {
			s.readSettings = func(context.Context) (*script.Settings, error) {
				return nil, errors.New("node is not on the PATH\n💡 install it")
			}
		}, func(f *Facts) { *f = Facts{Limits: f.Limits, Budget: f.Budget, NodeError: "node is not on the PATH"} }},
		{"options that cannot be read", nil, func(s *Setup) {
			s.readSettings = func(context.Context) (*script.Settings, error) {
				return nil, errors.New("NODE_OPTIONS: cannot be read")
			}
		}, func(f *Facts) {
			*f = Facts{Limits: f.Limits, Budget: f.Budget, NodeOptionsError: "NODE_OPTIONS: cannot be read"}
		}},
		{"options that Node refuses", nil, func(s *Setup) {
			s.collect = func(context.Context, *script.Settings) (memtools.Bytes, string, error) {
				return 0, "node: bad option", nil
			}
		}, func(f *Facts) { f.GCFreed, f.NodeOptionsError = 0, "node: bad option" }},
		{"a collection that is not possible", nil, func(s *Setup) {
			s.collect = func(context.Context, *script.Settings) (memtools.Bytes, string, error) {
				return 0, "", errors.New("no answer")
			}
		}, func(f *Facts) { f.GCFreed, f.GCError = 0, "no answer" }},
		{"heap limits in scripts", map[string]string{"b": "NODE_OPTIONS=--max-old-space-size=8192 tsc", "a": "node --max-old-space-size=50 x.js", "c": "NODE_OPTIONS=--inspect tsc"},
			func(*Setup) {}, func(f *Facts) {
				f.Overrides = []Script{{Packages: core, Name: "a", Text: "--max-old-space-size=50"}, {Packages: core, Name: "b", Text: "NODE_OPTIONS=--max-old-space-size=8192"}}
				f.MissingFiles = []Script{{Packages: core, Name: "a", Text: "x.js"}}
			}},
		{"files that do not exist, but not those that a build makes", map[string]string{"a": "node there.js", "b": "node gone.js", "c": "node dist/made.js", "d": "node /gone.js"},
			func(*Setup) {}, func(f *Facts) {
				f.MissingFiles = []Script{{Packages: core, Name: "b", Text: "gone.js"}, {Packages: core, Name: "d", Text: "/gone.js"}}
			}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root := t.TempDir()
			if err := os.Mkdir(filepath.Join(root, "core"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "core/there.js"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			s, want := setUp(root, tt.scripts), whole
			tt.change(&s)
			tt.want(&want)
			if got := Gather(t.Context(), s); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestGatherOnlyReads: whatever was recorded stays, and nothing is added.
func TestGatherOnlyReads(t *testing.T) {
	root := t.TempDir()
	for _, n := range "abcdefghijklmnopqrstuvwxyz" {
		if err := os.MkdirAll(filepath.Join(root, ".heapmage/runs/2026-"+string(n)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	everything := func() (all []string) {
		if err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			all = append(all, path)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := everything()
	if f := Gather(t.Context(), setUp(root, nil)); f.StateError != "" {
		t.Error(f.StateError)
	}
	if after := everything(); !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
	if err := os.RemoveAll(filepath.Join(root, ".heapmage")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, ".heapmage"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if f := Gather(t.Context(), setUp(root, nil)); f.StateError == "" {
		t.Error("a file in the place of .heapmage is not noticed")
	}
}

func TestGatherWithoutNode(t *testing.T) {
	s := setUp(t.TempDir(), nil)
	s.collect = nil
	s.readSettings = func(context.Context) (*script.Settings, error) {
		return &script.Settings{Node: script.Node{Path: filepath.Join(t.TempDir(), "node")}}, nil
	}
	if f := Gather(t.Context(), s); !strings.Contains(f.GCError, "node") {
		t.Errorf("a program that does not exist collects: %+v", f)
	}
}

func TestWrite(t *testing.T) {
	findings := []finding{{Check: "swap", Level: OK, What: "fine"}, found("gc", Warning, "odd", "it matters", "act"), found("node", Problem, "gone", "it matters", "act"),
		{Check: "state", Level: Warning, What: "odd", Why: "it matters", Do: "act", Fix: "removes it"}, {Check: "state", Level: Fixed, What: "was odd", Changed: []string{"removed x\x1b"}}}
	for claim, tt := range map[string]struct {
		write func(*strings.Builder) error
		want  string
	}{
		"as text": {func(b *strings.Builder) error { return writeText(b, findings, 2) },
			"✅ swap: fine\n⚠️  gc: odd\n   it matters\n💡 act\n❌ node: gone\n   it matters\n💡 act\n" +
				"⚠️  state: odd\n   it matters\n💡 act\n🔧 -fix removes it\n🔧 state: was odd\n   removed x\\x1b\n" +
				"ℹ️  2 findings are about scripts that no target runs; -all shows them\n"},
		"as JSON": {func(b *strings.Builder) error { return writeJSON(b, findings[:1]) },
			"[\n  {\n    \"check\": \"swap\",\n    \"level\": \"ok\",\n    \"what\": \"fine\"\n  }\n]\n"},
	} {
		var b strings.Builder
		if err := tt.write(&b); err != nil || b.String() != tt.want {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", claim, err, b.String(), tt.want)
		}
	}
}
