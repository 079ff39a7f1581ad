package proctable

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// born starts a process that lives as long as the test.
func born(t *testing.T) int {
	t.Helper()
	c := exec.Command("cat")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = c.Wait() })
	return c.Process.Pid
}

func TestBirths(t *testing.T) {
	table, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	b := table.Births()
	defer b.Close()
	now := time.Unix(0, 0)
	next := func() (pids []int) {
		t.Helper()
		now = now.Add(time.Millisecond)
		born, err := b.Next(now, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range born {
			if p.PPID == os.Getpid() {
				pids = append(pids, p.PID)
			}
		}
		slices.Sort(pids)
		return pids
	}
	expect := func(claim string, want ...int) {
		t.Helper()
		slices.Sort(want)
		if got := next(); !slices.Equal(got, want) {
			t.Errorf("%s: told of %v, want %v", claim, got, want)
		}
	}
	first := born(t)
	expect("at first, all", first)
	expect("then none twice")
	second, third := born(t), born(t)
	expect("those that began", second, third)
	if b.first < 0 || b.last < 0 {
		t.Log("this system lists all processes each time")
	}
	delete(b.seen, third)
	expect("one that had a number, and could not be seen yet", third)
	now = now.Add(late + time.Millisecond)
	fourth := born(t)
	expect("one that began later", fourth)

	b.past = []mark{{now, 1 << 30}}
	fifth := born(t)
	expect("one that began after the numbers began anew", fifth)

	b.Close()
	b.last = -1
	sixth := born(t)
	expect("one of a system that does not tell the last number", sixth)
	expect("and none twice there")
}

func TestProgram(t *testing.T) {
	table, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	folder := t.TempDir()
	c := exec.Command("sleep", "60")
	c.Dir = folder
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid := c.Process.Pid
	if args := table.Arguments(pid); !slices.Equal(args, []string{"sleep", "60"}) {
		t.Errorf("arguments %q", args)
	}
	if got := table.Folder(pid); got != folder {
		t.Errorf("folder %q, want %q", got, folder)
	}
	if file := table.Executable(pid); file == "" || file == table.Executable(os.Getpid()) {
		t.Errorf("executable %q", file)
	}
	if !Exists(pid) {
		t.Error("it does not exist")
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if Exists(pid) || table.Arguments(pid) != nil || table.Folder(pid) != "" || table.Executable(pid) != "" {
		t.Error("it is there after its end")
	}
}

func BenchmarkBirths(b *testing.B) {
	table, err := Open()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	births := table.Births()
	defer births.Close()
	for b.Loop() {
		if _, err := births.Next(time.Now(), nil); err != nil {
			b.Fatal(err)
		}
	}
}
