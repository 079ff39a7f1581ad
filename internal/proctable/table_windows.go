package proctable

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/windows"
)

// Table reads the process table.
type Table struct{}

// Open opens the process table. Close it after use.
func Open() (*Table, error) { return &Table{}, nil }

// Close closes the table.
func (*Table) Close() error { return nil }

// Lookup reads one process. It returns os.ErrProcessDone if there is none, or
// none that we may open.
func Lookup(pid int) (Process, error) {
	ended := fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return Process{}, ended
	}
	defer func() { _ = windows.CloseHandle(h) }()
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(h, &created, &exited, &kernel, &user) != nil {
		return Process{}, ended
	}
	var info windows.PROCESS_BASIC_INFORMATION
	if windows.NtQueryInformationProcess(h, windows.ProcessBasicInformation, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil) != nil {
		return Process{}, ended
	}
	event, err := windows.WaitForSingleObject(h, 0)
	return Process{
		Identity: Identity{PID: pid, Start: uint64(created.Nanoseconds() / int64(time.Nanosecond))},
		PPID:     int(info.InheritedFromUniqueProcessId),
		Zombie:   err == nil && event == windows.WAIT_OBJECT_0,
	}, nil
}

// All returns every process that we may open.
func (t *Table) All() ([]Process, error) {
	listed, err := t.List(nil)
	if err != nil {
		return nil, err
	}
	all := make([]Process, 0, len(listed))
	for _, l := range listed {
		if p, err := Lookup(l.PID); err == nil {
			all = append(all, p)
		}
	}
	return all, nil
}

// List appends every process to to.
func (*Table) List(to []Listed) ([]Listed, error) {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return to, err
	}
	defer func() { _ = windows.CloseHandle(snapshot) }()
	e := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &e); err == nil; err = windows.Process32Next(snapshot, &e) {
		to = append(to, Listed{PID: int(e.ProcessID)})
	}
	if errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		err = nil
	}
	return to, err
}

// Identify fills in p, whose PID is set. It returns os.ErrProcessDone if there is
// no such process, or none that we may open.
func (*Table) Identify(p *Process) (err error) {
	*p, err = Lookup(p.PID)
	return err
}

// Environ returns the environment of a process as entries that each end with a NUL, or
// nil. The system has no call for it; gopsutil reads the memory of the process.
func (*Table) Environ(pid int) (environ []byte, settled bool) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return nil, true
	}
	entries, err := p.Environ()
	if err != nil {
		return nil, true
	}
	return []byte(strings.Join(entries, "\x00") + "\x00"), true
}
