//go:build unix

package v8heap

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/environ"
)

// inOptions is a word of NODE_OPTIONS that Node reads as it is.
func inOptions(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

// TestOptionsIn: processes whose environment has nothing but NODE_OPTIONS have an agent.
func TestOptionsIn(t *testing.T) {
	const holds = `while (!require('fs').existsSync('stop')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)`
	for claim, args := range map[string][]string{
		"a script":      {"-e", holds},
		"an ES module":  {"--input-type=module", "-e", `import { existsSync } from 'node:fs'; while (!existsSync('stop')) await new Promise((done) => setTimeout(done, 20))`},
		"a child":       {"-e", `require('child_process').spawnSync(process.execPath, ['-e', "` + holds + `"], { stdio: 'inherit' })`},
		"a worker's":    {"-e", `new (require('worker_threads').Worker)("` + holds + `", { eval: true })`},
		"a test runner": {"--test", "it.test.cjs"},
	} {
		t.Run(claim, func(t *testing.T) {
			anyNode(t, func(t *testing.T, node string) {
				s := listen(t)
				dir := filepath.Join(t.TempDir(), `a "strange" 100% fol'der \ of $HOME`)
				if err := os.Mkdir(dir, 0o711); err != nil {
					t.Fatal(err)
				}
				options, err := s.OptionsIn(dir)
				if err != nil {
					t.Fatal(err)
				}
				if claim == "a script" && (len(options) != 1 || !IsPreload(options[0])) {
					t.Errorf("%q is no preload", options)
				}
				c := exec.Command(node, args...)
				c.Dir = t.TempDir()
				if err := os.WriteFile(filepath.Join(c.Dir, "it.test.cjs"), []byte(`require('node:test')('it', () => {`+holds+`})`), 0o600); err != nil {
					t.Fatal(err)
				}
				c.Env = append(environ.Without(os.Environ(), environ.NodeOptions), "NODE_OPTIONS="+inOptions(options[0]), "HEAPMAGE_HEAP_SOCKET=/another/run's")
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				waitFor(t, "an agent", func() bool { return len(s.Processes()) > 0 })
				if err := os.WriteFile(filepath.Join(c.Dir, "stop"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := c.Wait(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestOptionsInHarmNothing(t *testing.T) {
	anyNode(t, func(t *testing.T, node string) {
		s, err := Listen("")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		options, err := s.OptionsIn(dir, "HEAPMAGE_WORKER_HEAP=700")
		if err != nil {
			t.Fatal(err)
		}
		run := func(script, env string) string {
			t.Helper()
			c := exec.Command(node, "-e", script)
			c.Env = append(environ.Without(os.Environ(), environ.NodeOptions), env)
			out, err := c.CombinedOutput()
			if err != nil {
				t.Errorf("%v, %q", err, out)
			}
			return string(out)
		}
		const seen = `console.log(Object.keys(process.env).filter((k) => k !== 'NODE_OPTIONS').sort().join(), process.env.HEAPMAGE_WORKER_HEAP)`
		if with, without := run(seen, "NODE_OPTIONS="+options[0]), run(seen, "NODE_OPTIONS="); with != without {
			t.Errorf("the program sees\n%s, not\n%s", with, without)
		}
		out := run(threads, "NODE_OPTIONS=--max-old-space-size=700 "+options[0])
		if !strings.HasPrefix(out, "ERR_WORKER_OUT_OF_MEMORY\ngrew grew\n") {
			t.Errorf("worker threads lose their limits: %q", out)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if out := run("console.log('done')", "NODE_OPTIONS="+options[0]); out != "done\n" {
			t.Errorf("after the run: %q", out)
		}
	})
}

func TestAgentWith(t *testing.T) {
	text, err := agentWith([]string{"A=b\"\u2028", "C=d=e", "F"})
	if want := `const given = {"A":"b\"\u2028","C":"d=e","F":""};`; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%v, %s", err, strconv.Quote(string(text[:600])))
	}
}
