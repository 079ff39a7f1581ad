package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/internal/proctable"
	"github.com/heapmage/heapmage/memtools"
)

// tree is a job object. What the command starts is in it and cannot leave, and the
// system ends it with us.
type tree struct {
	job windows.Handle
	pid uint32
}

func startTree(cmd *exec.Cmd, _ string, _ *os.File) (*tree, error) {
	if len(cmd.ExtraFiles) > 0 {
		return nil, fmt.Errorf("extra files: %w", errors.ErrUnsupported)
	}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	t := &tree{job: job}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		t.release()
		return nil, err
	}
	// Suspended, so that it starts nothing before it is in the job.
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		t.release()
		return nil, err
	}
	t.pid = uint32(cmd.Process.Pid)
	if err := t.adopt(); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.release()
		return nil, err
	}
	return t, nil
}

// adopt puts the suspended command into the job and lets it run.
func (t *tree) adopt() error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, t.pid)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(process) }()
	if err := windows.AssignProcessToJobObject(t.job, process); err != nil {
		return err
	}
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(snapshot) }()
	e := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(snapshot, &e); err == nil; err = windows.Thread32Next(snapshot, &e) {
		if e.OwnerProcessID != t.pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, e.ThreadID)
		if err != nil {
			return err
		}
		_, err = windows.ResumeThread(thread)
		_ = windows.CloseHandle(thread)
		return err
	}
	return err
}

func (t *tree) release() { _ = windows.CloseHandle(t.job) }

// accounting is JOBOBJECT_BASIC_ACCOUNTING_INFORMATION of winnt.h.
type accounting struct {
	totalUser, totalKernel, periodUser, periodKernel              int64
	pageFaults, totalProcesses, activeProcesses, terminatedByJobs uint32
}

func (t *tree) active() int {
	const jobObjectBasicAccountingInformation = 1
	var a accounting
	if err := windows.QueryInformationJobObject(t.job, jobObjectBasicAccountingInformation,
		uintptr(unsafe.Pointer(&a)), uint32(unsafe.Sizeof(a)), nil); err != nil {
		return 0
	}
	return int(a.activeProcesses)
}

func (t *tree) groupEmpty() bool              { return t.active() == 0 }
func (t *tree) gone(proctable.Scope) bool     { return t.active() == 0 }
func (t *tree) members(proctable.Scope) []int { return nil }
func (t *tree) interrupt()                    { _ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, t.pid) }
func (t *tree) terminate(s proctable.Scope)   { t.kill(s) } // there is nothing in between
func (t *tree) suspend() error                { return errors.ErrUnsupported }
func (t *tree) resume() error                 { return errors.ErrUnsupported }

func (t *tree) kill(proctable.Scope) int {
	n := t.active()
	if n > 0 {
		_ = windows.TerminateJobObject(t.job, 1)
	}
	return n
}

func exitOf(s *os.ProcessState) (code int, signal string) { return s.ExitCode(), "" }

// maxRSS returns the highest committed memory of one process of the job, the nearest
// figure that the system keeps.
func maxRSS(_ *os.ProcessState, t *tree) memtools.Bytes {
	var l windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	if err := windows.QueryInformationJobObject(t.job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&l)), uint32(unsafe.Sizeof(l)), nil); err != nil {
		return 0
	}
	return memtools.Bytes(l.PeakProcessMemoryUsed)
}

// pending returns zero: the pipe ends with the job.
func pending(*os.File) int { return 0 }

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// candidates returns path with the endings that make a file a program.
func candidates(path string, env []string) []string {
	endings := variable(env, environ.PathExt)
	if endings == "" {
		endings = ".com;.exe;.bat;.cmd"
	}
	var all []string
	if filepath.Ext(path) != "" {
		all = append(all, path)
	}
	for ending := range strings.SplitSeq(strings.ToLower(endings), ";") {
		if ending != "" {
			all = append(all, path+ending)
		}
	}
	return all
}

func sameVariable(a, b string) bool { return strings.EqualFold(a, b) }
