// Package commandline lets the released program, which people start without Go and Mage,
// read a command line as other programs do. It turns the words into those that Mage's main
// function understands, and refuses what that would pass over: after an unknown flag it
// exits with 0.
package commandline

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/internal/version"
)

// Translate changes the arguments of this process for Mage's main function, which runs next.
// It ends the process if they are wrong, or ask for no more than a text.
func Translate() {
	words, text, err := translate(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(problem.ExitUsage)
	}
	fmt.Print(text)
	if text != "" && words == nil {
		os.Exit(0)
	}
	os.Args = append(os.Args[:1:1], words...)
}

const usage = `heapmage builds npm monorepos inside the memory they have.

Usage:
  heapmage [-v] [-t 10m] TARGET [-flag=value ...]
  heapmage guard [-flag=value ...] -- COMMAND    runs another task runner inside the memory
  heapmage help TARGET                           shows the flags of a target
  heapmage --version

Before the target:
  -v        prints all output of scripts as it comes
  -t 10m    ends the run in time

`

// translate returns the words for Mage, and a text to print before. Without words the
// text, if there is one, is all.
func translate(args []string) (words []string, text string, err error) {
	flags := flag.NewFlagSet("heapmage", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Bool("v", false, "")
	flags.Bool("l", false, "")
	flags.Duration("t", 0, "")
	asks := flags.Bool("version", false, "")
	help := flags.Bool("h", false, "")
	flags.BoolVar(help, "help", false, "")
	if err := flags.Parse(args); err != nil {
		return nil, "", &problem.Error{What: err.Error(), Hint: "flags of a target stand behind it; help lists those before it"}
	}
	rest := flags.Args()
	switch first := flags.Arg(0); {
	case *asks, first == "version", slices.Equal(args, []string{"-v"}):
		return nil, "heapmage " + cmp.Or(version.Number(), "of an unknown version") + "\n", nil
	case first == "help":
		*help, rest = true, rest[1:]
	}
	targets, about, err := forMage(rest)
	switch {
	case err != nil:
		return nil, "", err
	case *help && len(targets) == 0, len(args) == 0:
		return []string{"-l"}, usage, nil
	case *help, about:
		return []string{"-h", targets[0]}, "", nil
	}
	flags.Visit(func(f *flag.Flag) { words = append(words, "-"+f.Name+"="+f.Value.String()) })
	return append(words, targets...), "", nil
}

// guarded is the target that guard stands for.
const guarded = "memory:guard"

// forMage returns targets with their flags as Mage reads them. If a flag asks for help,
// it returns the target that the flag stands behind.
func forMage(given []string) (words []string, help bool, err error) {
	target := ""
	for i, word := range given {
		switch {
		case word == "--" && target == guarded, target == guarded && !strings.HasPrefix(word, "-"):
			words, err = withCommand(words, given[i:])
			return words, false, err
		case slices.Contains([]string{"-h", "-help", "--help"}, word) && target != "":
			return []string{target}, true, nil
		case strings.HasPrefix(word, "--"):
			words = append(words, word[1:]) // Mage wants one dash
		case strings.HasPrefix(word, "-"):
			words = append(words, word)
		default:
			if target = word; strings.EqualFold(word, "guard") {
				target = guarded
			}
			words = append(words, target)
		}
	}
	return words, false, nil
}

// withCommand adds the command of guard, which is all that follows, as the text that a shell
// reads as the same words.
func withCommand(words, command []string) ([]string, error) {
	if command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return nil, &problem.Error{Where: "guard", What: "no command follows", Hint: "for instance: guard -- npx turbo run build"}
	}
	if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "-command=") }) {
		return nil, &problem.Error{Where: "guard", What: "there are two commands", Hint: "leave out -command=, or what follows the flags"}
	}
	return append(words, "-command="+strings.TrimPrefix(script.Quoted(command), " ")), nil
}
