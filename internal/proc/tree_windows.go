package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/heapmage/heapmage/memtools"
)

// tree is a job object: what the command starts is in it and cannot leave, and
// the system ends it with us.
type tree struct {
	job windows.Handle
	pid uint32
}

func startTree(cmd *exec.Cmd, _ string) (*tree, error) {
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

func (t *tree) groupEmpty() bool    { return t.active() == 0 }
func (t *tree) gone(scope) bool     { return t.active() == 0 }
func (t *tree) members(scope) []int { return nil }
func (t *tree) interrupt()          { _ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, t.pid) }
func (t *tree) terminate(s scope)   { t.kill(s) } // there is nothing in between
func (t *tree) suspend() error      { return errors.ErrUnsupported }
func (t *tree) resume() error       { return errors.ErrUnsupported }

func (t *tree) kill(scope) int {
	n := t.active()
	if n > 0 {
		_ = windows.TerminateJobObject(t.job, 1)
	}
	return n
}

func exitOf(s *os.ProcessState) (code int, signal string) { return s.ExitCode(), "" }

// maxRSS is the highest committed memory of one process of the job: the nearest
// that the system keeps.
func maxRSS(_ *os.ProcessState, t *tree) memtools.Bytes {
	var l windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	if err := windows.QueryInformationJobObject(t.job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&l)), uint32(unsafe.Sizeof(l)), nil); err != nil {
		return 0
	}
	return memtools.Bytes(l.PeakProcessMemoryUsed)
}

// pending is zero: the pipe is at its end when the job is.
func pending(*os.File) int { return 0 }

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// candidates are path with the endings that make a file a program here.
func candidates(path string, env []string) []string {
	endings := variable(env, "PATHEXT")
	if endings == "" {
		endings = ".com;.exe;.bat;.cmd"
	}
	var all []string
	if filepath.Ext(path) != "" {
		all = append(all, path)
	}
	for _, ending := range strings.Split(strings.ToLower(endings), ";") {
		if ending != "" {
			all = append(all, path+ending)
		}
	}
	return all
}

func sameVariable(a, b string) bool { return strings.EqualFold(a, b) }

func raiseOOMScore(int, int) {}

// lookUp reads one process: its parent and its start.
func lookUp(pid int) (entry, bool) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return entry{}, false
	}
	defer func() { _ = windows.CloseHandle(h) }()
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(h, &created, &exited, &kernel, &user) != nil {
		return entry{}, false
	}
	var info windows.PROCESS_BASIC_INFORMATION
	if windows.NtQueryInformationProcess(h, windows.ProcessBasicInformation, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil) != nil {
		return entry{}, false
	}
	event, err := windows.WaitForSingleObject(h, 0)
	return entry{
		pid: pid, ppid: int(info.InheritedFromUniqueProcessId), start: uint64(created.Nanoseconds() / int64(time.Nanosecond)),
		zombie: err == nil && event == windows.WAIT_OBJECT_0,
	}, true
}

func executablePath(pid int) string {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer func() { _ = windows.CloseHandle(h) }()
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n := uint32(len(buf))
	if windows.QueryFullProcessImageName(h, 0, &buf[0], &n) != nil {
		return ""
	}
	return windows.UTF16ToString(buf[:n])
}
