package scripttext

import "testing"

func TestEndless(t *testing.T) {
	scripts := map[string]string{
		"dev": "node x", "dev:web": "x", "build:dev": "webpack --mode=development", "watch:css": "x", "css:watch": "x", "start": "x", "restart": "x",
		"web": "vite", "web:host": "cross-env A=1 vite --host", "bundle": "vite build", "pages": "next start -p 3000", "types": "tsc -b -w", "gen": "node gen.js",
		"e2e": "vite preview & playwright test", "ci": "start-server-and-test 'next start' 3000 'cypress run'", "piped": "prepare && nodemon x.js | pretty",
		"same": "npm run web", "loop": "npm run pool", "pool": "npm run loop", "checked": "npm run gen && ng serve",
	}
	for name, want := range map[string]bool{
		"dev": true, "dev:web": true, "build:dev": false, "watch:css": true, "css:watch": true, "start": true, "restart": false,
		"web": true, "web:host": true, "bundle": false, "pages": true, "types": true, "gen": false,
		"e2e": false, "ci": false, "piped": false, "same": true, "loop": false, "checked": true, "none": false,
	} {
		if why := Endless(scripts, name, nil); (why != "") != want {
			t.Errorf("%s: %q", name, why)
		}
	}
	if Endless(scripts, "gen", []string{"--watch"}) == "" {
		t.Error("arguments do not count")
	}
	if Endless(map[string]string{"types": "tsc -b"}, "types", []string{"-w"}) == "" {
		t.Error("-w of tsc does not count")
	}
	if why := Endless(scripts, "gen", []string{"a --watch", "-w"}); why != "" {
		t.Errorf("a word of an argument counts: %s", why)
	}
}
