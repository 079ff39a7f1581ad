package scripttext

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	// endlessName is what scripts are called that serve or watch until they are ended:
	// "dev", "start:web", "build:watch", and not "build:dev".
	endlessName = regexp.MustCompile(`^(dev|develop|start|serve|watch|preview)(:|$)|(^|:)watch(:|$)`)
	watchFlag   = regexp.MustCompile(`^--watch(All)?(=true)?$`)
	tsc         = regexp.MustCompile(`\btsc\b`)
)

// servers are programs that serve or watch until they are ended: always, or with one of these
// words behind them. An empty word means without any.
var servers = map[string][]string{
	"nodemon": nil, "live-server": nil, "http-server": nil, "webpack-dev-server": nil, "browser-sync": nil,
	"vite": {"", "dev", "serve", "preview"}, "next": {"dev", "start"}, "nuxt": {"dev", "preview"}, "nuxi": {"dev", "preview"},
	"astro": {"dev", "preview"}, "remix": {"dev"}, "react-router": {"dev"}, "gatsby": {"develop", "serve"}, "docusaurus": {"start", "serve"},
	"vitepress": {"dev", "preview"}, "storybook": {"dev"}, "react-scripts": {"start"}, "vue-cli-service": {"serve"}, "ng": {"serve"},
	"webpack": {"serve"}, "rsbuild": {"dev", "preview"}, "rspack": {"dev", "serve"}, "parcel": {"serve", "watch"}, "tsx": {"watch"},
	"expo": {"start"}, "wrangler": {"dev"}, "nest": {"start"},
}

// Endless tells why a script seems to run until it is ended: "it is called dev". It is empty
// if nothing speaks for that. extra are further arguments. Of a script that only has another
// one run, the other counts too; what runs beside something else, such as a server for tests,
// does not.
func Endless(scripts map[string]string, name string, extra []string) string {
	for seen := map[string]bool{}; !seen[name]; {
		seen[name] = true
		text := scripts[name]
		if endlessName.MatchString(name) {
			return "it is called " + name
		}
		if Watches(text, extra) {
			return "it watches for changes"
		}
		if all := Commands(text); len(all) > 0 {
			if words := program(all[len(all)-1]); len(words) > 0 && serves(words) {
				return "it ends with " + strings.Join(words[:min(2, len(words))], " ")
			}
		}
		if same, ok := Alias(scripts, name); ok {
			name = same
		}
	}
	return ""
}

// serves reports whether a command runs until it is ended.
func serves(words []string) bool {
	modes, known := servers[path.Base(words[0])]
	if !known || modes == nil {
		return known
	}
	mode := ""
	if at := slices.IndexFunc(words[1:], func(w string) bool { return !strings.HasPrefix(w, "-") }); at >= 0 {
		mode = words[1+at]
	}
	return slices.Contains(modes, mode)
}

// Watches reports whether a script's text, or the arguments that follow it, have a flag with
// which compilers and test runners wait for changes and never end: --watch, --watchAll, or -w
// of tsc.
func Watches(text string, extra []string) bool {
	compiles := false
	for c := range CommandsWithin(text) {
		compiles = false
		for i, w := range c.Words {
			if i > 0 && watchFlag.MatchString(w.Text) || compiles && w.Text == "-w" {
				return true
			}
			compiles = compiles || tsc.MatchString(w.Text)
		}
	}
	return slices.ContainsFunc(extra, func(arg string) bool { return watchFlag.MatchString(arg) || compiles && arg == "-w" })
}
