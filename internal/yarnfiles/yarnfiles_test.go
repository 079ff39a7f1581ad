package yarnfiles

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/heapmage/heapmage/internal/problem"
)

// What yarn 4.12 was seen to set.
func TestOf(t *testing.T) {
	for _, tt := range []struct {
		claim, files, dir, env, want string
	}{
		{"none", "", "a", "", ""},
		{"the root's, and the package's after it", "-- .env.yarn --\nA=1\nB=2\n-- a/.env.yarn --\nA=3\n", "a", "", "A=1 B=2 A=3"},
		{"another package has none", "-- .env.yarn --\nA=1\n-- a/.env.yarn --\nA=3\n", "b", "", "A=1"},
		{"the root has its own once", "-- .env.yarn --\nA=1\n", ".", "", "A=1"},
		{"configured files take the place of all", "-- .yarnrc.yml --\ninjectEnvironmentFiles: [x.env, \"y.env?\"]\n-- x.env --\nA=1\n-- .env.yarn --\nB=2\n-- a/.env.yarn --\nC=3\n", "a", "", "A=1"},
		{"an empty list reads none", "-- .yarnrc.yml --\ninjectEnvironmentFiles: []\n-- .env.yarn --\nB=2\n", "a", "", ""},
		{"the environment goes before the file", "-- .yarnrc.yml --\ninjectEnvironmentFiles: [x.env]\n-- y.env --\nA=1\n-- z.env --\nB=2\n", "a", "YARN_INJECT_ENVIRONMENT_FILES=y.env,z.env", "A=1 B=2"},
		{"the empty device", "-- .env.yarn --\nA=1\n", "a", "YARN_INJECT_ENVIRONMENT_FILES=" + os.DevNull + "?", ""},
		{"variables are filled in, those of the files too", "-- .env.yarn --\nA=${H}/x\nB=${A}-${GONE:-d}-${E-e}-${E:-f}-\\${H}-$H\n", "a", "H=h;E=", "A=h/x B=h/x-d--f-${H}-$H"},
		{"one that is not set is an error", "-- a/.env.yarn --\nA=${GONE}\n", "a", "", "a/.env.yarn: A cannot be set: the variable GONE is not set"},
		{"a missing file is one", "-- .yarnrc.yml --\ninjectEnvironmentFiles: [x.env]\n", "a", "", ".yarnrc.yml: injectEnvironmentFiles names a file that cannot be read"},
		{"so is a text in place of the list", "-- .yarnrc.yml --\ninjectEnvironmentFiles: x.env\n", "a", "", ".yarnrc.yml:1: a value is of the wrong type"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			root := t.TempDir()
			for _, f := range txtar.Parse([]byte(tt.files)).Files {
				file := filepath.Join(root, f.Name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, f.Data, 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			env := strings.Split(tt.env, ";")
			var got []string
			files, err := Read(root, env)
			if err == nil {
				entries, ofErr := files.Of(tt.dir, env)
				for _, e := range entries {
					got = append(got, e.Name+"="+e.Value)
				}
				err = ofErr
			}
			if p, ok := errors.AsType[*problem.Error](err); ok && p.Hint != "" && strings.HasPrefix(p.Error(), tt.want) && tt.want != "" {
				return
			}
			if text := strings.Join(got, " "); err != nil || text != tt.want {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}
