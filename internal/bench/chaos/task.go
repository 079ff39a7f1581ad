//go:build linux

package chaos

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/bench/shape"
)

// command is the build script of a task: program is the one that calls Task with what
// follows the word "mem".
func (t task) command(program string) string {
	words := []string{program, "mem", "-name", t.name}
	add := func(set bool, more ...string) {
		if set {
			words = append(words, more...)
		}
	}
	add(len(t.after) > 0, "-after", strings.Join(t.after, ","))
	add(t.exit != 0, "-exit", strconv.Itoa(t.exit))
	add(t.chatty, "-chatty")
	add(t.leaves, "-leaves")
	return strings.Join(append(words, t.shape.Args()...), " ")
}

// output is what a task writes, in its package's folder.
var output = filepath.Join("dist", "out.txt")

// whole is the content of the output of a task that has succeeded.
func whole(name string) string { return "all of " + name + "\n" }

// Task is the process of a task, in its package's folder. It fails if a task that it
// comes after has not succeeded, and if an earlier attempt's output is in its way.
func Task(args []string) error {
	flags := flag.NewFlagSet("mem", flag.ContinueOnError)
	name := flags.String("name", "", "the task; empty only takes memory")
	after := flags.String("after", "", "tasks that must have succeeded")
	exit := flags.Int("exit", 0, "exit code")
	chatty := flags.Bool("chatty", false, "print much")
	leaves := flags.Bool("leaves", false, "leave a process running")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := shape.Parse(flags.Args())
	if err != nil {
		return err
	}
	if *name == "" {
		return s.Take("mem")
	}
	if err := begin(*name, *after); err != nil {
		return err
	}
	if *leaves {
		if err := leave(); err != nil {
			return err
		}
	}
	if *chatty {
		go chat(*name)
	}
	if err := s.Take("mem"); err != nil {
		return err
	}
	if *exit != 0 {
		fmt.Fprintln(os.Stderr, *name, "fails as planned")
		os.Exit(*exit)
	}
	return os.WriteFile(output, []byte(whole(*name)), 0o644)
}

// begin checks what must be there, and writes half of the output and a link that leads
// out of the workspace.
func begin(name, after string) error {
	for other := range strings.SplitSeq(after, ",") {
		if other == "" {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", other, output))
		if err != nil || string(text) != whole(other) {
			return errors.Join(fmt.Errorf("%s started before %s was done, whose output is %q", name, other, text), err)
		}
	}
	if err := os.MkdirAll("dist", 0o755); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join("..", "..", "..", "..", outside), filepath.Join("dist", "link")); err != nil {
		return errors.Join(err, errors.New(name+" found what an earlier attempt wrote"))
	}
	return os.WriteFile(output, []byte("half"), 0o644)
}

// leave starts a process that nothing waits for.
func leave() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	s := shape.Shape{Kind: shape.Grow, Size: 1 << 20, Rate: 1 << 20, Times: 1, Hold: time.Hour}
	return exec.Command(program, append([]string{"mem"}, s.Args()...)...).Start()
}

// chat prints a few MB a second.
func chat(name string) {
	line := name + " " + strings.Repeat("chats ", 30)
	for {
		for range 200 {
			fmt.Println(line)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
