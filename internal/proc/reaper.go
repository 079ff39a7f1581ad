package proc

// The reaper takes our place when this process is killed: it ends the trees
// that run at that moment and removes folders. It is this program, started once
// more with the first command; all it knows comes through a pipe, one message a
// line (reaper_process.go), and the end of the pipe tells it that we are gone.
// No race is left: a mark is sent before its process is started, and a child
// between fork and exec holds the pipe open until its environment is in place.
//
// On Windows the system itself does this for job objects, and nothing is
// started; folders stay.

// RemoveOnDeath has folder, an absolute path, removed with all that is in it
// when this process is killed. The returned function takes that back; call it
// before the folder's name can be used by others.
func RemoveOnDeath(folder string) (forget func()) { return theReaper.folder(folder) }

// Reaper returns the process id of the helper process, whose memory is part of
// ours: 0 before the first Start and on Windows. The error says why there is
// none although there should be: then nothing ends the trees if we are killed.
func Reaper() (pid int, err error) { return theReaper.process() }

// Shutdown ends the helper process and waits for it. Call it once no Process is
// left, at the end of the program; without it the helper ends by itself a
// moment later, with the daemons of commands that were still running.
func Shutdown() { theReaper.shutdown() }
