package declared

import "testing"

func TestLage(t *testing.T) {
	const pipeline = `{
  // what comes first
  pipeline: {
    build: ['^build', "codegen"],
    codegen: [],
    'check-types': {dependsOn: ["^^codegen", '#schema', "b#build"], inputs: [` + "`src/**`" + `], outputs: [], cache: false,},
    'c#build': [],
    lint: {type: 'noop', dependsOn: ["build"]}, /* runs nothing */
  },
}`
	const deep = `-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "scripts": {"check-types": "x", "lint": "x"}, "dependencies": {"b": "1.0.0"}}
-- packages/b/package.json --
{"name": "b", "version": "1.0.0", "scripts": {"build": "x"}, "dependencies": {"c": "1.0.0"}}
`
	for _, tt := range []struct{ claim, files, task, want string }{
		{"a list", "-- lage.config.js --\nmodule.exports = " + pipeline + ";\n", "a#build", "dependsOn: ^build, codegen (lage.config.js)"},
		{"nothing comes first", "-- lage.config.js --\n\"use strict\";\n\nmodule.exports = " + pipeline, "a#codegen", "dependsOn: nothing (lage.config.js)"},
		{"an object, with packages at any distance and the root's task", "-- lage.config.mjs --\n/** @type {import('lage').ConfigOptions} */\nconst config = " + pipeline + ";\nexport default config;\n" + deep,
			"a#check-types", "dependsOn: b#codegen, c#codegen, //#schema, b#build (lage.config.mjs); outputs: nothing (lage.config.mjs); inputs: src/** (lage.config.mjs); cache: false (lage.config.mjs)"},
		{"one package", "-- lage.config.cjs --\nexports.default = " + pipeline, "c#build", "dependsOn: nothing (lage.config.cjs)"},
		{"package.json", "-- package.json --\n{\"name\": \"top\", \"workspaces\": [\"packages/*\"], \"lage\": {\"pipeline\": {\"build\": [\"codegen\"]}}}\n-- lage.config.js --\nmodule.exports = {}\n", "a#build", "dependsOn: codegen (package.json)"},
		{"a file of JSON", "-- .lagerc --\n{\"pipeline\": {\"build\": [\"codegen\"]}}\n", "a#build", "dependsOn: codegen (.lagerc)"},
		{"a program is not read", "-- lage.config.js --\nmodule.exports = {pipeline: {build: [...common]}}\n", "a#build", "dependsOn: ^build (heapmage's default)"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			m, ws := tells(t, tt.files, tt.task, tt.want)
			if tt.claim == "nothing comes first" && (!m.Excludes(ws.Packages[0], "lint") || m.Excludes(ws.Packages[0], "build")) {
				t.Error("only a task of type noop has no script run")
			}
		})
	}
}
