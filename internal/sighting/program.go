package sighting

import (
	"path"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/lazyregexp"
	"github.com/heapmage/heapmage/internal/scripttext"
)

// kind is what a program is to the tasks.
type kind uint8

const (
	work     kind = iota
	launcher      // starts tasks
	shell         // runs what its text or its file says
	executor      // runs one task of Nx, in itself or as children
	helper        // a runner's own, or a daemon: no task
)

// program is what the arguments of a process tell.
type program struct {
	kind  kind
	text  string   // of a shell with -c
	words []string // what runs, without wrappers, interpreters and their flags; empty with a text
	pkg   string   // the folder of the installed package that it is in, from "node_modules/" on
}

// launchers are programs that start tasks, by name. Gulp is none: its tasks run within itself.
const launchers names = `npm npx npm-cli npx-cli pnpm pnpx yarn yarnpkg bunx
	make gmake ninja samu just task moon mise parallel
	turbo nx lage lerna wireit wsrun rush rushx concurrently conc npm-run-all npm-run-all2 run-p run-s`

// managers are the launchers whose files have the extension of a script, outside of node_modules.
const managers names = `npm-cli npx-cli pnpm pnpx yarn yarnpkg`

// launcherPackages are installed packages whose programs have other names within them, and are
// all launchers.
const launcherPackages names = `npm pnpm yarn @yarnpkg/cli-dist turbo nx lage lerna wireit wsrun @microsoft/rush
	concurrently npm-run-all npm-run-all2`

// helpers are what runners start for themselves.
const helpers names = `sleep true false test
	git ps uname lscpu getconf ldd tput stty which hostname sysctl watchman sccache lage-server tsserver`

const shells names = `sh bash dash zsh ksh ash busybox`

// interpreters run a file that is named in their arguments.
const interpreters names = `node nodejs deno python python3 ruby perl`

// wrappers run the program that follows, with the flags that take a value of their own.
var wrappers = map[string]string{
	"env": "-u -C", "nice": "-n", "ionice": "-c -n -p", "nohup": "", "setsid": "", "stdbuf": "-i -o -e",
	"timeout": "-s -k", "time": "-o -f", "exec": "-a", "command": "", "cross-env": "", "cross-env-shell": "", "corepack": "",
	// The words of a shell before a command.
	"do": "", "then": "", "else": "", "if": "", "while": "", "until": "", "!": "", "{": "",
}

// withValue are flags of interpreters whose value is a word of its own.
const withValue names = `-r --require --import --loader --experimental-loader -C --conditions --title -W -X -I`

var (
	// yarnWrapper is a shell script of yarn 4 that calls exec with the program of its own name.
	yarnWrapper   = lazyregexp.New(`/xfs-[0-9a-f]+/[^/]+$`)
	yarnRelease   = lazyregexp.New(`^yarn-\d[\w.-]*$`)
	assignment    = lazyregexp.New(`^[A-Za-z_]\w*=`)
	inNodeModules = lazyregexp.New(`.*(?:^|/)node_modules/(\.bin/|((?:@[^/]+/)?[^/@.][^/]*))`)
	extension     = lazyregexp.New(`\.(?:[cm]?js|exe|cmd|ps1)$`)
)

// names are words with spaces between them: cheaper than a map to a program that is started
// for each script.
type names string

func (n names) has(name string) bool { return slices.Contains(strings.Fields(string(n)), name) }

// read tells what arguments mean.
func read(args []string) program {
	if len(args) == 1 && strings.Contains(args[0], " ") {
		args = strings.Fields(args[0]) // a title, such as npm's
	}
	words := unwrap(args)
	if len(words) == 0 {
		return program{}
	}
	name := base(words[0])
	if shells.has(strings.TrimPrefix(name, "-")) {
		return readShell(words)
	}
	interpreter := ""
	if interpreters.has(name) {
		interpreter = name
		words = script(words)
		if len(words) == 0 {
			return program{words: slices.Clone(args)}
		}
		name = base(words[0])
	}
	p := program{words: words}
	if m := inNodeModules().FindStringSubmatch(words[0]); m != nil {
		p.pkg = m[2]
	}
	switch {
	case isHelper(name, p, words):
		p.kind = helper
	case p.pkg == "nx" && name == "run-executor":
		p.kind = executor
	case launchers.has(name) && (interpreter == "" || p.pkg != "" || path.Base(words[0]) == name || managers.has(name)),
		launcherPackages.has(p.pkg), yarnRelease().MatchString(name),
		name == "bun" && (slices.Contains(words, "run") || slices.Contains(words, "x")),
		interpreter == "deno" && slices.Contains(words, "task"),
		interpreter == "node" && slices.ContainsFunc(args, func(a string) bool { return a == "--run" || strings.HasPrefix(a, "--run=") }),
		name == "xargs" && slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "-P") || strings.HasPrefix(w, "--max-procs") }):
		p.kind = launcher
	}
	return p
}

// isHelper reports whether a program is none that a task consists of.
func isHelper(name string, p program, words []string) bool {
	if helpers.has(name) {
		return true
	}
	has := func(part string) bool { return strings.Contains(words[0], part) }
	switch {
	case p.pkg == "nx" && (has("/plugin-worker") || has("/daemon/")),
		name == "turbo" && slices.Contains(words, "daemon"),
		name == "esbuild" && slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "--service") }),
		slices.ContainsFunc(words, func(w string) bool { return strings.HasSuffix(w, ".GradleDaemon") }):
		return true
	}
	// A question about a version.
	return len(words) == 2 && (words[1] == "--version" || words[1] == "-v" || words[1] == "-V")
}

// readShell tells what a shell runs.
func readShell(words []string) program {
	for i, w := range words[1:] {
		if !strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "+") {
			return program{kind: shell, words: words[i+1:]} // a file
		}
		if strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.Contains(w, "c") && i+2 < len(words) {
			text := words[i+2]
			if text == "--" && i+3 < len(words) {
				text = words[i+3]
			}
			return readText(text)
		}
	}
	return program{kind: shell, words: words}
}

// readText tells what a shell does that is given a text.
func readText(text string) program {
	p := program{kind: shell, text: text}
	for _, c := range scripttext.Commands(text) {
		if read(texts(c.Words)).kind == launcher {
			p.kind = launcher
		}
	}
	return p
}

// unwrap removes assignments and wrappers before a program.
func unwrap(words []string) []string {
	for len(words) > 0 {
		name := base(words[0])
		flags, ok := wrappers[name]
		switch {
		case assignment().MatchString(words[0]),
			shells.has(name) && len(words) > 1 && yarnWrapper().MatchString(words[1]):
			words = words[1:]
			continue
		case !ok || len(words) == 1:
			return words
		}
		words = words[1:]
		for len(words) > 0 && strings.HasPrefix(words[0], "-") {
			if slices.Contains(strings.Fields(flags), words[0]) && len(words) > 1 {
				words = words[1:]
			}
			words = words[1:]
		}
		if name == "timeout" && len(words) > 0 {
			words = words[1:] // the time
		}
	}
	return words
}

// script removes an interpreter and its flags. It returns nil if no file is named.
func script(words []string) []string {
	for i := 1; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-e" || w == "-p" || w == "-pe" || w == "--eval" || w == "--print" || w == "-c" || w == "-m":
			return nil
		case withValue.has(w):
			i++
		case !strings.HasPrefix(w, "-"):
			return words[i:]
		}
	}
	return nil
}

// base is a program's name without folder and extension.
func base(file string) string {
	return extension().ReplaceAllString(path.Base(strings.ReplaceAll(file, `\`, "/")), "")
}

func texts(words []scripttext.Word) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.Text
	}
	return all
}
