package npmconfig

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/problem"
)

// world writes files and returns the place with the project in "repo" and the user's home
// above it. "DIR" in texts and variables stands for the folder.
func world(t *testing.T, files map[string]string, env ...string) Place {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := Place{Root: filepath.Join(dir, "repo"), Prefix: filepath.Join(dir, "prefix"), Builtin: filepath.Join(dir, "npm"), Environ: []string{"HOME=" + dir}}
	for _, e := range env {
		p.Environ = append(p.Environ, strings.ReplaceAll(e, "DIR", dir))
	}
	return p
}

func TestTheNearestPlaceCounts(t *testing.T) {
	all := map[string]string{"repo/.npmrc": "k=project", ".npmrc": "k=user", "prefix/etc/npmrc": "k=machine", "npm/npmrc": "k=builtin"}
	without := func(names ...string) map[string]string {
		files := maps.Clone(all)
		for _, name := range names {
			delete(files, name)
		}
		return files
	}
	for _, tt := range []struct {
		claim string
		files map[string]string
		env   []string
		want  string
	}{
		{"the environment's", all, []string{"npm_config_k=env"}, "env"},
		{"in capital letters", all, []string{"NPM_CONFIG_K=env"}, "env"},
		{"in mixed letters", all, []string{"Npm_Config_k=env"}, "env"},
		{"an empty variable sets nothing", all, []string{"npm_config_k="}, "project"},
		{"the project's", all, nil, "project"},
		{"an empty value counts", map[string]string{"repo/.npmrc": "k=", ".npmrc": "k=user"}, nil, ""},
		{"the user's", without("repo/.npmrc"), nil, "user"},
		{"the machine's", without("repo/.npmrc", ".npmrc"), nil, "machine"},
		{"npm's own", map[string]string{"npm/npmrc": "k=builtin"}, nil, "builtin"},
		{"nothing", nil, nil, ""},
		{"the user's file has another place", map[string]string{"other": "k=other", ".npmrc": "k=user"}, []string{"NPM_CONFIG_USERCONFIG=DIR/other"}, "other"},
		{"which the project may set", map[string]string{"repo/.npmrc": "userconfig=~/other", "other": "k=other"}, nil, "other"},
		{"the machine's file has another place", map[string]string{"other": "k=other"}, []string{"NPM_CONFIG_GLOBALCONFIG=DIR/other"}, "other"},
		{"which the user may set", map[string]string{".npmrc": "globalconfig=DIR/other", "other": "k=other"}, nil, "other"},
		{"the machine's folder is another", map[string]string{".npmrc": "prefix=~/mine", "mine/etc/npmrc": "k=mine"}, nil, "mine"},
		{"the machine's folder is that of PREFIX", map[string]string{"mine/etc/npmrc": "k=mine"}, []string{"PREFIX=DIR/mine"}, "mine"},
		{"a project in the home has one file", map[string]string{".npmrc": "k=user"}, []string{"npm_config_userconfig=DIR/repo/.npmrc"}, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c, err := Read(world(t, tt.files, tt.env...))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := c.Text("k"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The values are those that npm 11 reads of the same texts.
func TestTextIsReadAsByNpm(t *testing.T) {
	for _, tt := range []struct{ claim, text, want string }{
		{"plain", "k=v", "v"},
		{"spaces around", "  k \t=\t v w ", "v w"},
		{"a byte order mark", "\ufeffk=v", "v"},
		{"Windows line ends", "a=b\r\nk=v\r\n", "v"},
		{"quotes", `k="v w"`, "v w"},
		{"single quotes", `k='v w'`, "v w"},
		{"an escape in quotes", `k="a\"b"`, `a"b`},
		{"a comment behind a value", "k=v ; why", "v"},
		{"another", "k=v # why", "v"},
		{"an escaped semicolon", `k=a\;b`, "a;b"},
		{"a backslash before anything else", `k=a\b`, `a\b`},
		{"an equals sign in the value", "k=--a=b", "--a=b"},
		{"no value is true", "k", "true"},
		{"the last one counts", "k=a\nk=b", "b"},
		{"comments", ";k=a\n# k=b\n  ; k=c", ""},
		{"a section is none of npm's", "[x]\nk=v", ""},
		{"a variable", "k=${WHO}", "me"},
		{"a variable that is not set", "k=${NOBODY}-x", "${NOBODY}-x"},
		{"one that need not be set", "k=${NOBODY?}-x", "-x"},
		{"one that is kept as it is", `k=\\${WHO}`, "${WHO}"},
		{"a quoted key", `"k"=v`, "v"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c, err := Read(world(t, map[string]string{"repo/.npmrc": tt.text}, "WHO=me"))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := c.Text("k"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSwitchesAndLists(t *testing.T) {
	c, err := Read(world(t, map[string]string{"repo/.npmrc": "on=true\noff=false\nbare\nempty=\nodd=maybe\nlist[]=a\nlist[]=b\nfar=maybe", ".npmrc": "far=false\n"}))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][2]bool{"on": {true, true}, "off": {false, true}, "bare": {true, true}, "empty": {true, true}, "odd": {}, "none": {}, "far": {false, true}} {
		if on, set := c.Bool(key); on != want[0] || set != want[1] {
			t.Errorf("%s: %v, %v", key, on, set)
		}
	}
	if got := c.List("list"); len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("got %q", got)
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	c, err := Read(world(t, map[string]string{"repo/.npmrc": "//host/:_authToken=secret\n_auth=secret\n@scope:registry=secret\nemail=me\nhost/:_password=secret"},
		"npm_config__auth=secret", "npm_config_//host/:_authtoken=secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range c.layers {
		for key, v := range l.values {
			if v.text == "secret" {
				t.Errorf("%s is kept", key)
			}
		}
	}
	if got := c.Variables(); len(got) != 1 || got["npm_config_email"] != "me" {
		t.Errorf("got %v", got)
	}
}

func TestVariables(t *testing.T) {
	c, err := Read(world(t, map[string]string{"repo/.npmrc": "some-key=v\noff=false\nset-twice=file\n", ".npmrc": "some-key=far\n"}, "NPM_CONFIG_SET_TWICE=env"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Variables(), map[string]string{"npm_config_some_key": "v", "npm_config_off": ""}; !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestAFileThatIsNoneIsAProblem(t *testing.T) {
	p := world(t, nil)
	if err := os.MkdirAll(filepath.Join(p.Root, ".npmrc"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Read(p)
	if e := (*problem.Error)(nil); !errors.As(err, &e) || e.Where != ".npmrc" {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("k=\"a\\\"b\"\n[x]\nlist[]=${A}\n//r/:_authToken=t")
	f.Add("'=\\;${A?}")
	f.Fuzz(func(t *testing.T, text string) {
		for key := range parse([]byte(text), []string{"A=1"}) {
			if secret(key) {
				t.Errorf("%q was kept", key)
			}
		}
	})
}
