package proc

// The reaper acts if this process is killed: it ends the trees that run at that
// moment and removes folders. It is this program, started once more with the first
// command. Everything it knows comes through a pipe, one message a line
// (reaper_process.go); the end of the pipe means that we are gone. There is no
// race: a mark is sent before its process is started, and a child between fork and
// exec holds the pipe open until its environment is in place. A reaper that is killed
// alone is replaced at once. If both are killed at the same moment, EndRun is left.
//
// On Windows the system does this for job objects, so nothing is started; folders
// stay.

// RemoveOnDeath removes folder, an absolute path, with its contents if this process
// is killed; that of package taskcgroup as that package does. The returned function cancels that; call it before the folder's name
// can be used again.
func RemoveOnDeath(folder string) (forget func()) { return theReaper.folder(folder) }

// WriteOnDeath has text written to standard output, a terminal, if this process is killed, in place
// of what was to be written before. Call it before the first Start or RemoveOnDeath too: with nothing,
// while there is nothing to write.
func WriteOnDeath(text string) { theReaper.write(text) }

// Reaper returns the process id of the reaper, whose memory is part of ours. It is
// 0 before the first Start and on Windows. An error tells why there is no reaper
// although there should be one: then nothing ends the trees if we are killed.
func Reaper() (pid int, err error) { return theReaper.process() }

// Shutdown ends the reaper and waits for it. Call it at the end of the program, once
// no Process is left. Without it the reaper ends a moment after the program, and
// with it the daemons of commands that were still running.
func Shutdown() { theReaper.shutdown() }
