package mage_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// completed is a workspace to complete names of, with "heapmage" on PATH.
func completed(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	testkit.Write(t, root, "package.json", `{"name": "root", "private": true, "workspaces": ["packages/*"]}`)
	testkit.Write(t, root, "node_modules/.keep", "")
	testkit.Write(t, root, "packages/core/package.json", `{"name": "@acme/core", "scripts": {"generate:types": "true", "build": "true"}}`)
	testkit.Write(t, root, "packages/web/package.json", `{"name": "@acme/web", "scripts": {"build": "true", "generate:types": "true"}}`)
	t.Setenv("PATH", filepath.Dir(binary)+":"+os.Getenv("PATH"))
	t.Setenv("NO_COLOR", "1")
	return root
}

// completionOf writes the script for a shell into a file. Of a program in Mage's folder it
// is about "mage".
func completionOf(t *testing.T, shell string, variables ...string) (file string) {
	t.Helper()
	c := exec.Command(binary, "completion", "-shell="+shell)
	c.Env = append(os.Environ(), variables...)
	text, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	testkit.Write(t, dir, "completion", string(text))
	return filepath.Join(dir, "completion")
}

func findShell(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("there is no %s: its completion is NOT tested", name)
	}
}

// The Tab key finds a target, its flags, scripts and packages, also where the shell divides
// words at ":", "=" and "@". What it has found then runs.
func TestTabCompletes(t *testing.T) {
	for _, shell := range [][]string{
		{"bash", "--norc", "--noprofile", "-i"},
		{"zsh", "-f", "-i"},
		{"fish", "--no-config", "-i"},
	} {
		t.Run(shell[0], func(t *testing.T) {
			findShell(t, shell[0])
			root := completed(t)
			file := completionOf(t, shell[0])
			t.Setenv("HOME", t.TempDir())
			s := openTerminal(t, root, shell...)
			s.press("source " + file + "; echo rea''dy\r")
			s.waitFor("ready")
			s.press("heapmage pl\t-targ\tgener\t-nod\t-workspace=@acme/c\t\r")
			s.waitFor("Plan of generate:types: 1 task")
			s.waitFor("core#generate:types")
			s.press("heapmage memory:hi\t\r")
			s.waitFor("Nothing is known yet")
			if _, err := os.Stat(filepath.Join(root, ".heapmage")); err == nil {
				t.Error("completion has written to the workspace")
			}
		})
	}
}

// What each shell offers, as its own function or command tells.
func TestShellsOffer(t *testing.T) {
	root := completed(t)
	for _, tt := range []struct{ line, want string }{
		{"heapmage mem", "memory:check memory:doctor memory:export memory:guard memory:history memory:import memory:report memory:stats memory:trace memory:watch"},
		{"heapmage lint -f", "-fix -force"},
		{"heapmage build -workspace=core,", "-workspace=core,root -workspace=core,web"},
		{"heapmage run -script=gen", "-script=generate:types"},
		{"heapmage -", "-h -l -t -v"},
		{"heapmage lint -workspace=nothing", ""},
	} {
		t.Run("bash/"+tt.line, func(t *testing.T) {
			findShell(t, "bash")
			// Nothing divides words then, so that the words are whole.
			c := exec.Command("bash", "-c", `source "$0"; COMP_WORDBREAKS=" "; COMP_LINE=$1; COMP_POINT=${#1}; COMP_WORDS=($1); _heapmage_heapmage; printf '%s\n' "${COMPREPLY[@]}" | sort -u`,
				completionOf(t, "bash"), tt.line)
			c.Dir = root
			if got := offered(t, c); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
		t.Run("fish/"+tt.line, func(t *testing.T) {
			findShell(t, "fish")
			c := exec.Command("fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2] | string replace -r '\t.*' '' | sort -u`, completionOf(t, "fish"), tt.line)
			c.Dir = root
			if got := offered(t, c); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func offered(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// Through Mage, the names of targets are Mage's own; the program of the last run tells the
// rest, and without it they are still there.
func TestMageCompletes(t *testing.T) {
	findShell(t, "bash")
	completed(t)
	file := completionOf(t, "bash", "MAGEFILE_CACHE="+filepath.Dir(binary))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(t.TempDir(), "completion")
	if err := os.WriteFile(gone, []byte(strings.ReplaceAll(string(text), binary, "/nowhere")), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ claim, file, line, want string }{
		{"targets", file, "mage memory:h", "memory:history"},
		{"flags", file, "mage -v test -pa", "-path="},
		{"targets without the program", gone, "mage memory:h", "memory:history"},
		{"no flags without it", gone, "mage test -pa", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			c := exec.Command("bash", "-c", `mage() { go tool mage "$@"; }; source "$0"; COMP_WORDBREAKS=" "; COMP_LINE=$1; COMP_POINT=${#1}; COMP_WORDS=($1); _heapmage_mage; printf '%s\n' "${COMPREPLY[@]}"`, tt.file, tt.line)
			c.Dir, c.Env = "..", append(os.Environ(), "MAGEFILE_HASHFAST=1")
			if got := offered(t, c); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
