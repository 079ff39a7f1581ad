package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/memtools"
)

func load(t *testing.T, yaml string, env ...string) (*Config, error) {
	t.Helper()
	root := t.TempDir()
	if yaml != "" {
		if err := os.WriteFile(filepath.Join(root, FileName), []byte(yaml), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Load(root, env)
}

func TestLoad(t *testing.T) {
	no := false
	for _, tt := range []struct {
		claim, yaml string
		env         []string
		want        Config
	}{
		{"a missing file sets nothing", "", nil, Config{}},
		{"a file of comments sets nothing", "# nothing\n", nil, Config{}},
		{"every key is read", `
budget: 80%
heapLimit: 8GB
keepGoing: false
cgroups: false
output: errors
ci: off
view: plain
runner: package-manager
monitor: {interval: 30s, warning: 70%, critical: 85}
gc: {auto: false, cooldown: 10s}
tasks:
  build: {dependsOn: [^build, generate], timeout: 5m}
  web#test: {script: "test:unit"}
packages:
  "@acme/web": {heapLimit: 4GB}
`, nil, Config{
			Budget: memtools.Percent(80), HeapLimit: memtools.Absolute(8 * memtools.GB), KeepGoing: &no, Cgroups: &no, Output: OutputErrors, CI: CIOff, View: ViewPlain, Runner: RunnerPackageManager,
			Monitor:  Monitor{30 * time.Second, 70, 85},
			GC:       GC{Auto: &no, Cooldown: 10 * time.Second},
			Tasks:    map[string]Task{"build": {DependsOn: []string{"^build", "generate"}, Timeout: 5 * time.Minute}, "web#test": {Script: "test:unit"}},
			Packages: map[string]Package{"@acme/web": {HeapLimit: memtools.Absolute(4 * memtools.GB)}},
		}},
		{"a variable goes before the file", "budget: 80%", []string{"HEAPMAGE_BUDGET=2GB", "PATH=/bin"}, Config{BudgetVariable: true, Budget: memtools.Absolute(2 * memtools.GB)}},
		{"an empty variable is not set", "budget: 80%", []string{"HEAPMAGE_BUDGET="}, Config{Budget: memtools.Percent(80)}},
		{"what heapmage gives its children is no setting", "", []string{"HEAPMAGE_TASK=1/a#build", "HEAPMAGE_RUNNING=/r\ta#build",
			"HEAPMAGE_REAPER=1", "HEAPMAGE_HEAP_SOCKET=/s", "HEAPMAGE_POOL_FD=3", "HEAPMAGE_POOL_VERSION=1"}, Config{}},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			got, err := load(t, tt.yaml, tt.env...)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", *got, tt.want)
			}
		})
	}
}

func TestEverySettingHasAReader(t *testing.T) {
	readers := (&Config{}).variables()
	for _, name := range environ.Settings() {
		if readers[name] == nil {
			t.Errorf("nothing reads %s", name)
		}
		delete(readers, name)
	}
	for name := range readers {
		t.Errorf("%s is read, but no setting", name)
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		claim, yaml, env string
		want             string
	}{
		{"an unknown key names its line and the nearest", "budget: 1GB\nheaplimit: 8GB", "", "heapmage.yaml:2: unknown key \"heaplimit\"\n💡 did you mean heapLimit?"},
		{"text that is no YAML names its line", "budget: 1GB\ntasks:\n  - a\n b: c", "", "heapmage.yaml:4: invalid YAML: did not find expected key\n💡 check the indentation and the quotes near that line"},
		{"text that is no YAML, in the first line", "a: b: c", "", "heapmage.yaml:1: invalid YAML: mapping values are not allowed in this context\n💡 check the indentation and the quotes near that line"},
		{"variables that do not fit each other are not the file's fault", "budget: 1GB", "HEAPMAGE_MONITOR_WARNING=95", "environment: monitor.warning (95%) is not below monitor.critical (90%)\n💡 the defaults are 75% and 90%"},
		{"a nested unknown key is written whole", "monitor:\n  every: 3s", "", "heapmage.yaml:2: unknown key \"monitor.every\"\n💡 known keys: critical, interval, warning"},
		{"a text that is no size", "budget: lots", "", "heapmage.yaml:1: budget: \"lots\" is not a size such as 8GB, 512MB or 80%\n💡 write it as 8GB, 512MB or 80%"},
		{"a list instead of a value", "budget: [1]", "", "heapmage.yaml:1: budget is not a single value\n💡 write it as 8GB, 512MB or 80%"},
		{"a value instead of a list", "tasks:\n  build:\n    dependsOn: x", "", "heapmage.yaml:3: tasks.build.dependsOn is not a list\n💡 write it as [a, b]"},
		{"a key twice", "budget: 1GB\nbudget: 2GB", "", "heapmage.yaml:2: key \"budget\" is there twice\n💡 keep one of them"},
		{"no mapping", "- a", "", "heapmage.yaml:1: the file is not a mapping of keys to values\n💡 write it as key: value, one a line"},
		{"two documents", "budget: 1GB\n---\nbudget: 1GB", "", "heapmage.yaml: holds more than one document\n💡 keep one; remove the --- line"},
		{"broken YAML", "budget: [1", "", "heapmage.yaml:1: invalid YAML: did not find expected ',' or ']'\n💡 check the indentation and the quotes near that line"},
		{"a warning above critical", "monitor: {warning: 95%}", "", "heapmage.yaml: monitor.warning (95%) is not below monitor.critical (90%)\n💡 the defaults are 75% and 90%"},
		{"an interval too short", "monitor: {interval: 1ms}", "", "heapmage.yaml:1: monitor.interval: \"1ms\" is not a time of at least 100ms\n💡 write it as 30s, 1m30s or 500ms, at least 100ms"},
		{"a word that is none of those that are known", "", "HEAPMAGE_VIEW=fancy", "environment: HEAPMAGE_VIEW: \"fancy\" is not known\n💡 it can be: auto, plain"},
		{"a misspelt variable", "", "HEAPMAGE_BUGDET=1GB", "environment: unknown variable HEAPMAGE_BUGDET\n💡 did you mean HEAPMAGE_BUDGET?"},
		{"a bad variable", "", "HEAPMAGE_BUDGET=much", "environment: HEAPMAGE_BUDGET: \"much\" is not a size such as 8GB, 512MB or 80%\n💡 write it as 8GB, 512MB or 80%"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, err := load(t, tt.yaml, tt.env)
			var p *problem.Error
			if !errors.As(err, &p) || p.ExitStatus() != problem.ExitUsage {
				t.Fatalf("got %v, want a problem with exit code 2", err)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestTaskFor(t *testing.T) {
	c := Config{Tasks: map[string]Task{
		"build":     {DependsOn: []string{"^build"}, Timeout: time.Minute},
		"web#build": {Script: "compile", Timeout: time.Hour},
	}}
	want := Task{DependsOn: []string{"^build"}, Script: "compile", Timeout: time.Hour}
	for _, keys := range [][]string{{"web", "apps/web"}, {"@acme/web", "web"}} {
		if got := c.TaskFor(keys, "build"); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", keys, got, want)
		}
	}
	if got := c.TaskFor([]string{"core"}, "bundle", "build").Timeout; got != time.Minute {
		t.Errorf("by the second name: %v", got)
	}
}

// FuzzParse checks that any text is read, or refused in at most three lines.
func FuzzParse(f *testing.F) {
	f.Add("budget: 80%\ntasks: {build: {dependsOn: [^build]}}")
	f.Add("packages:\n  a: &x {heapLimit: 1GB}\n  b: *x")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		err := (&Config{}).parse([]byte(text))
		if err != nil && strings.Count(err.Error(), "\n") > 2 {
			t.Errorf("more than three lines: %q", err)
		}
	})
}

// TestTaskForFillsAll: every setting of a task holds, whether it is given for the target or for one
// package, and the package's goes first.
func TestTaskForFillsAll(t *testing.T) {
	yes, no := true, false
	full := Task{DependsOn: []string{"a"}, Script: "s", Outputs: []string{"o"}, Env: []string{"E"}, Cache: &yes, Incremental: &yes, Timeout: 1}
	other := Task{DependsOn: []string{"b"}, Script: "z", Outputs: []string{"p"}, Env: []string{"F"}, Cache: &no, Incremental: &no, Timeout: 2}
	for i := range reflect.TypeFor[Task]().NumField() {
		if reflect.ValueOf(full).Field(i).IsZero() {
			t.Fatalf("this test does not set %s", reflect.TypeFor[Task]().Field(i).Name)
		}
	}
	for claim, c := range map[string]Config{
		"of the target":                 {Tasks: map[string]Task{"build": full}},
		"of the package":                {Tasks: map[string]Task{"core#build": full}},
		"of the package before another": {Tasks: map[string]Task{"core#build": full, "build": other}},
	} {
		if got := c.TaskFor([]string{"core"}, "build"); !reflect.DeepEqual(got, full) {
			t.Errorf("%s: %+v", claim, got)
		}
	}
}
