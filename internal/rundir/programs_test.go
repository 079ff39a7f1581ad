package rundir

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestPrograms(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the program is a script of a POSIX shell")
	}
	root := t.TempDir()
	r, _ := Open(root, id(1))
	defer r.Close()
	texts := map[string]string{"run": "#!/bin/sh\necho ran \"$@\"\n"}
	links := map[string]string{"other": "/bin/echo"}
	try := func() string {
		t.Helper()
		dir, err := r.Programs(texts, links)
		if err != nil || filepath.Dir(filepath.Dir(dir)) != filepath.Join(root, Name) {
			t.Fatalf("got %q, %v", dir, err)
		}
		out, err := exec.Command("sh", "-c", dir+"/run a; "+dir+"/other b").CombinedOutput()
		if err != nil || string(out) != "ran a\nb\n" {
			t.Errorf("got %q, %v", out, err)
		}
		return dir
	}
	dir := try()
	t.Run("stay as they are", func(t *testing.T) {
		before, _ := os.Stat(dir + "/run")
		if again := try(); again != dir {
			t.Errorf("another folder: %s", again)
		}
		if after, _ := os.Stat(dir + "/run"); !os.SameFile(before, after) {
			t.Error("the file was written again")
		}
	})
	t.Run("are made again after a script that removed or changed them", func(t *testing.T) {
		if err := os.RemoveAll(filepath.Join(root, Name)); err != nil {
			t.Fatal(err)
		}
		try()
		if err := os.WriteFile(dir+"/run", []byte("#!/bin/sh\necho foreign\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		try()
	})
	t.Run("follow no link", func(t *testing.T) {
		foreign := filepath.Join(t.TempDir(), "foreign")
		if err := os.WriteFile(foreign, []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(dir + "/run")
		if err := os.Symlink(foreign, dir+"/run"); err != nil {
			t.Fatal(err)
		}
		try()
		if text, err := os.ReadFile(foreign); err != nil || string(text) != "kept" {
			t.Errorf("got %q, %v", text, err)
		}
	})
	t.Run("of two sets are in two folders", func(t *testing.T) {
		if other, err := r.Programs(map[string]string{"run": "#!/bin/sh\n"}, nil); err != nil || other == dir {
			t.Errorf("got %q, %v", other, err)
		}
	})
	t.Run("that are none need no folder", func(t *testing.T) {
		if none, err := r.Programs(nil, nil); err != nil || none != "" {
			t.Errorf("got %q, %v", none, err)
		}
	})
}

func TestProgramsOfAWorkspaceThatCannotBeWritten(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, Name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, notices := Open(root, id(1))
	defer os.RemoveAll(r.Dir)
	defer r.Close()
	dir, err := r.Programs(map[string]string{"run": "#!/bin/sh\n"}, nil)
	if err != nil || !strings.HasPrefix(dir, r.Dir) || len(notices) != 1 {
		t.Errorf("got %q, %v, %v", dir, err, notices)
	}
}

func TestAnInstallationThatDoesNotEnd(t *testing.T) {
	root := t.TempDir()
	r, _ := Open(root, id(1))
	defer r.Close()
	if got := UnfinishedInstall(root); !got.IsZero() {
		t.Errorf("before: %v", got)
	}
	r.BeginInstall()
	if got := UnfinishedInstall(root); time.Since(got) > time.Minute {
		t.Errorf("while it runs, or after it failed: %v", got)
	}
	r.EndInstall()
	if got := UnfinishedInstall(root); !got.IsZero() {
		t.Errorf("after it succeeded: %v", got)
	}
	if got := FinishedInstall(root); time.Since(got) > time.Minute {
		t.Errorf("it succeeded at %v", got)
	}
}

func TestOneInstallationAtATime(t *testing.T) {
	root := t.TempDir()
	first, _ := Open(root, id(1))
	defer first.Close()
	second, _ := Open(root, id(2))
	defer second.Close()
	unlock, busy := first.tryLockInstall()
	if busy {
		t.Fatal("the first has to wait")
	}
	if _, busy := second.tryLockInstall(); !busy && runtime.GOOS == "linux" {
		t.Error("both install at once")
	}
	unlock()
	unlock, busy = second.tryLockInstall()
	if busy {
		t.Error("the second has to wait for nothing")
	}
	unlock()
}
