package sighting

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// A tool that works in several processes is one task.
func TestToolsWithWorkers(t *testing.T) {
	var modules, tests [8]string
	for i := range modules {
		modules[i] = "require('./m" + strconv.Itoa(i) + "')"
	}
	for name, c := range map[string]struct {
		script string
		files  map[string]string
		writes string // a file that the tool itself writes
	}{
		"jest":   {"jest --workers=3", map[string]string{"jest.config.js": "module.exports = {testMatch: ['<rootDir>/t*.js']}"}, ""},
		"vitest": {"vitest run --pool=forks --globals", map[string]string{"vitest.config.mjs": "export default {test: {include: ['t*.js'], poolOptions: {forks: {minForks: 3, maxForks: 3}}}}"}, ""},
		"tsc": {"tsc -b", map[string]string{
			"tsconfig.json":   `{"files": [], "references": [{"path": "a"}]}`,
			"a/tsconfig.json": `{"compilerOptions": {"composite": true, "types": []}}`, "a/a.ts": "export const a = 1"}, "a/a.js"},
		"esbuild": {"node build.cjs", map[string]string{
			"build.cjs": "require('esbuild').build({entryPoints: ['m0.js'], outfile: 'out.js'})"}, "out.js"},
		"webpack": {"node build.cjs", map[string]string{
			"build.cjs": `require('webpack')({mode: 'none', entry: './all.js', output: {path: __dirname}, module: {rules: [{test: /m\d\.js$/, use: [{loader: 'thread-loader', options: {workers: 3}}, './loader.js']}]}}, (e, s) => { if (e || s.hasErrors()) throw e || s.toString() })`,
			"loader.js": "module.exports = s => s",
			"all.js":    strings.Join(modules[:], "\n")}, "main.js"},
	} {
		t.Run(name, func(t *testing.T) {
			root := withTools(t)
			dir := "packages/core/"
			files := map[string]string{dir + "package.json": `{"name": "core", "version": "1.0.0", "scripts": {"build": "` + c.script + `"}}`}
			for i := range tests {
				n := strconv.Itoa(i)
				files[dir+"m"+n+".js"] = "module.exports = " + n
				files[dir+"t"+n+".js"] = "test('is', () => expect(1).toBe(1))"
			}
			for file, text := range c.files {
				files[dir+file] = text
			}
			testkit.WriteAll(t, root, files)
			checkOnce(t, root, []string{"packages/core: " + c.script + " (core#build)"}, "npm", "run", "build", "-w", "core")
			if _, err := os.Stat(filepath.Join(root, dir, c.writes)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Nor does one that works in all packages at once hand out tasks.
func TestVitestProjects(t *testing.T) {
	root := withTools(t)
	files := map[string]string{
		"package.json":      `{"name": "root", "private": true, "workspaces": ["packages/*"], "scripts": {"test": "vitest run --pool=forks --globals"}}`,
		"vitest.config.mjs": "export default {test: {projects: ['packages/*'], poolOptions: {forks: {minForks: 3, maxForks: 3}}}}",
	}
	for _, p := range []string{"api", "core", "web"} {
		files["packages/"+p+"/vitest.config.mjs"] = "export default {test: {include: ['t.js'], name: '" + p + "', globals: true}}"
		files["packages/"+p+"/t.js"] = "test('is', () => new Promise(done => setTimeout(done, 300)))"
	}
	testkit.WriteAll(t, root, files)
	checkOnce(t, root, []string{".: vitest run --pool=forks --globals (root#test)"}, "npm", "test")
}
