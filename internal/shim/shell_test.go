//go:build linux || darwin

package shim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/admission/frame"
)

// place makes folders in which there is an sh, and returns their paths.
func place(t *testing.T, names ...string) []string {
	t.Helper()
	root := t.TempDir()
	var dirs []string
	for _, name := range names {
		dir := filepath.Join(root, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "sh"), nil, 0o700); err != nil { //nolint:gosec // it is to be a program
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

func TestWhichShell(t *testing.T) {
	dirs := place(t, "bin", "heapmage-guard-1", "usr", "heapmage-guard-2")
	bin, own, usr, outer := dirs[0], dirs[1], dirs[2], dirs[3]
	if err := os.WriteFile(filepath.Join(usr, "bash"), nil, 0o700); err != nil { //nolint:gosec // it is to be a program
		t.Fatal(err)
	}
	path := func(dirs ...string) string { return "PATH=" + strings.Join(dirs, ":") }
	sh := func(dir string) string { return filepath.Join(dir, "sh") }
	for claim, tt := range map[string]struct {
		arg0  string
		path  string
		agent string
		kept  string
		reply frame.Frame
		want  string
		arg   string // as args[0]; that of the shim if empty
	}{
		"the next sh of PATH":                      {"sh", path(own, usr, bin), "", "", frame.Frame{}, sh(usr), ""},
		"nothing that comes before":                {sh(own), path(bin, own, usr), "", "", frame.Frame{}, sh(usr), "sh"},
		"the system's":                             {"sh", path(own, "/nothing"), "", "", frame.Frame{}, "/bin/sh", ""},
		"the guard's word":                         {"sh", path(own, usr), "", "", frame.Frame{Shell: "/bin/sh"}, "/bin/sh", "/bin/sh"},
		"the guard's word, in PATH":                {"sh", path(own, usr), "", "", frame.Frame{Shell: "bash"}, filepath.Join(usr, "bash"), "bash"},
		"not the guard's word, if it is nowhere":   {"sh", path(own, usr), "", "", frame.Frame{Shell: "zsh"}, sh(usr), ""},
		"what the user had set":                    {sh(own), path(own, usr), "", "npm_config_script_shell=bash\x00", frame.Frame{}, filepath.Join(usr, "bash"), "bash"},
		"not what the user had set, found in PATH": {"sh", path(own, usr), "", "npm_config_script_shell=bash\x00", frame.Frame{}, sh(usr), ""},
		"yarn's":                                    {sh(own), path(own, usr), "yarn/1.22.22 npm/? node/v24", "", frame.Frame{}, "/bin/sh", "/bin/sh"},
		"an outer guard's shim":                     {"sh", path(own, outer, usr), "", "", frame.Frame{}, sh(outer), sh(outer)},
		"after an outer guard's shim":               {sh(outer), path(own, outer, usr), "", "", frame.Frame{}, sh(usr), "sh"},
		"no other guard's shim, if its own is gone": {sh(own), path(outer, usr), "", "", frame.Frame{}, sh(usr), "sh"},
	} {
		t.Run(claim, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(own, frame.KeptName), []byte(tt.kept), 0o600); err != nil {
				t.Fatal(err)
			}
			in := newInvocation([]string{tt.arg0, "-c", "text", "a"}, []string{tt.path, "npm_config_user_agent=" + tt.agent})
			c := in.command(tt.reply)
			if tt.arg == "" {
				tt.arg = tt.arg0
			}
			if c.path != tt.want || !slices.Equal(c.args, []string{tt.arg, "-c", "text", "a"}) {
				t.Errorf("got %s %q, want %s as %s", c.path, c.args, tt.want, tt.arg)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	own := place(t, "heapmage-guard-1")[0]
	sh := filepath.Join(own, "sh")
	if err := os.WriteFile(filepath.Join(own, frame.KeptName), []byte("NPM_CONFIG_SCRIPT_SHELL=/bin/bash\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for claim, tt := range map[string]struct {
		env   []string
		reply frame.Frame
		want  []string
	}{
		"nothing leads to the shim": {
			[]string{"A=1", "PATH=/w/.bin:" + own + ":/bin:" + own + "/", "npm_config_script_shell=" + sh, "pnpm_config_script_shell=" + sh, "B"},
			frame.Frame{},
			[]string{"A=1", "PATH=/w/.bin:/bin", "B", "NPM_CONFIG_SCRIPT_SHELL=/bin/bash"},
		},
		"what the runner has dropped stays away": {[]string{"PATH=" + own + ":/bin"}, frame.Frame{}, []string{"PATH=/bin"}},
		"what somebody has set since stays": {
			[]string{"npm_config_script_shell=/bin/zsh", "PATH=/bin"}, frame.Frame{}, []string{"npm_config_script_shell=/bin/zsh", "PATH=/bin"},
		},
		"all stays if it is to": {
			[]string{"PATH=" + own + ":/bin", "npm_config_script_shell=" + sh}, frame.Frame{Keep: true}, []string{"PATH=" + own + ":/bin", "npm_config_script_shell=" + sh},
		},
		"variables are replaced or added": {
			[]string{"NODE_OPTIONS=a", "NODE_OPTIONS_X=b"}, frame.Frame{Set: map[string]string{"NODE_OPTIONS": "c"}}, []string{"NODE_OPTIONS=c", "NODE_OPTIONS_X=b"},
		},
	} {
		t.Run(claim, func(t *testing.T) {
			if got := newInvocation([]string{sh}, tt.env).environ(tt.reply); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestIsScript(t *testing.T) {
	for args, want := range map[string]bool{
		"-c text": true, "-ec text": true, "-e -c text": true, "-e -u -c text": true, "--norc -c text": true,
		"file": false, "": false, "-": false, "-s": false, "-- -c": false, "file -c": false,
	} {
		for _, event := range []string{"build", ""} {
			in := newInvocation(append([]string{"sh"}, strings.Fields(args)...), []string{"npm_lifecycle_event=" + event})
			if got := in.isScript(); got != (want && event != "") {
				t.Errorf("sh %s in %q: %t", args, event, got)
			}
		}
	}
}
