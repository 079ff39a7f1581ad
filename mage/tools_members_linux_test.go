package mage_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/heapmage/heapmage/internal/testkit"
)

// member is a package of the workspace, whose build is a real tool.
type member struct {
	name   string
	after  []string
	script string
	// inPlace is set if the tool leaves what it had left before.
	inPlace bool
}

var members = []member{
	{"core", nil, "tsc -p .", false},
	{"util", []string{"core"}, "tsc -p .", true},
	{"plain", []string{"core"}, "node gen.js", false},
	{"style", nil, "mkdir -p dist && eslint src --no-color -o dist/report.txt", false},
	{"app", []string{"core", "util"}, "esbuild src/index.ts --bundle --platform=node --log-level=error --outfile=dist/app.js", false},
}

// tooledFiles are those of the workspace, without the package.json of its packages.
func tooledFiles() map[string]string {
	files := map[string]string{
		".npmrc":        "omit-lockfile-registry-resolved=true\nfund=false\naudit=false\n",
		".gitignore":    "node_modules\ndist\n.heapmage\n.env\nflag\n",
		"heapmage.yaml": "cache: on\n",
		"package.json": `{"name": "tools", "version": "1.0.0", "private": true, "packageManager": "npm@11.0.0", "workspaces": ["packages/*"],
 "devDependencies": {"typescript": "5.9.3", "esbuild": "0.25.10", "eslint": "9.36.0"}}`,
		"packages/app/src/index.ts":        "import { a } from \"@t/core\";\nimport { u } from \"@t/util\";\nconsole.log(a, u);\n",
		"packages/style/eslint.config.mjs": "export default [{ rules: { \"no-unused-vars\": \"warn\" } }];\n",
		"packages/style/src/index.js":      "const unused = 1;\n",
		"packages/style/src/a.js":          "export const a = 1;\n",
		"packages/plain/src/index.ts":      "one\n",
		"packages/plain/gen.js": `const fs = require("fs");
const text = (path) => { try { return fs.readFileSync(path, "utf8"); } catch (e) { return e.code; } };
const out = { node: process.version, mode: process.env.MODE, tiny: require("tiny"), env: text(".env"), flag: fs.existsSync("../../flag"), types: text("../core/dist/index.d.ts"),
  src: fs.readdirSync("src").sort().map((name) => [name, fs.lstatSync("src/" + name).isSymbolicLink() ? fs.readlinkSync("src/" + name) : text("src/" + name)]) };
fs.mkdirSync("dist", { recursive: true });
fs.writeFileSync("dist/out.json", JSON.stringify(out));
`,
	}
	for _, name := range []string{"core", "util"} {
		config := `{"compilerOptions": {"target": "es2022", "module": "nodenext", "types": [], "strict": true, "declaration": true, "skipLibCheck": true, "rootDir": "src", "outDir": "dist"%s}, "include": ["src"]}`
		more := ""
		if name == "util" {
			more = `, "incremental": true, "tsBuildInfoFile": "dist/.tsbuildinfo"`
		}
		files["packages/"+name+"/tsconfig.json"] = fmt.Sprintf(config, more)
		files["packages/"+name+"/src/a.ts"] = "export const a: number = 1;\n"
	}
	files["packages/core/src/index.ts"] = "export * from \"./a.js\";\n"
	files["packages/util/src/index.ts"] = "import { a } from \"@t/core\";\nexport const u: string = String(a);\n"
	return files
}

// manifest is the package.json of a package.
func (m member) manifest(script, version, tiny string) string {
	var needs []string
	for _, n := range m.after {
		needs = append(needs, fmt.Sprintf("%q: \"1.0.0\"", "@t/"+n))
	}
	if m.name == "plain" {
		needs = append(needs, fmt.Sprintf("\"tiny\": \"file:../../vendor/tiny-%s.tgz\"", tiny))
	}
	kind := ""
	if m.name == "core" || m.name == "util" {
		kind = `"type": "module", "types": "dist/index.d.ts", `
	}
	return fmt.Sprintf("{\"name\": %q, \"version\": \"1.0.0\", \"description\": %q, \"private\": true, %s\"main\": \"dist/index.js\", \"scripts\": {\"build\": %q}, \"dependencies\": {%s}}\n",
		"@t/"+m.name, version, kind, script, strings.Join(needs, ", "))
}

// tinyPackage is a packed package that exports its version.
func tinyPackage(t *testing.T, version string) string {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	files := tar.NewWriter(z)
	for name, text := range map[string]string{"package/package.json": fmt.Sprintf("{\"name\": \"tiny\", \"version\": %q}", version), "package/index.js": fmt.Sprintf("module.exports = %q;", version)} {
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

// installedTools returns a folder with the workspace, in which its tools are installed. It
// is kept for later runs.
func installedTools(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "heapmage-test", "tools")
	files := tooledFiles()
	for _, m := range members {
		files["packages/"+m.name+"/package.json"] = m.manifest(m.script, "", "1.0.0")
	}
	for _, version := range []string{"1.0.0", "2.0.0"} {
		files["vendor/tiny-"+version+".tgz"] = tinyPackage(t, version)
	}
	mark := filepath.Join(dir, "node_modules", ".complete")
	all := ""
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "package.json") {
			all += files[name]
		}
	}
	if was, err := os.ReadFile(mark); err == nil && string(was) == all {
		testkit.WriteAll(t, dir, files)
		return dir
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	testkit.WriteAll(t, dir, files)
	c := exec.Command("npm", "install", "--ignore-scripts")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		testkit.UnlessCI(t, fmt.Sprintf("the tools cannot be installed: %v\n%s", err, out))
	}
	if err := os.WriteFile(mark, []byte(all), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// otherNode is the folder of a Node of another version than that of PATH.
func otherNode(t *testing.T) string {
	t.Helper()
	if out, err := exec.Command("node", "--version").Output(); err == nil && strings.HasPrefix(string(out), "v22.") {
		return testkit.Node(t, "24")
	}
	return testkit.Node(t, "22")
}
