// Package shim is the process that a guard puts in the place of the shell in which a task
// runner starts package scripts. A program that imports it is a shim if it is called sh;
// then nothing else of it runs. On systems other than Linux and macOS it is empty.
//
// A shim asks the guard, over the socket beside its own link, and waits. Then it starts the
// real shell and ends as that ends: the runner sees the same wait status. What is no package
// script, or has no guard, becomes the real shell at once, in the same process.
//
// The script gets all that the runner gave: standard input, terminal, descriptors, session,
// process group, working folder, mask, limits, priority, arguments and environment, but for
// the variables that the guard sets and, unless it says otherwise, what led to the shim. Only
// its parent is another. Three things a Go program cannot pass on: a signal that was blocked
// is not (SIGCHLD and SIGPROF, if the shim becomes the shell), closed standard descriptors are
// open to /dev/null, and whether a signal other than SIGINT, SIGHUP and those of job control
// was ignored is told by the parent's own state, on Linux.
//
// A signal reaches the script once, as it would have reached the shell:
//
//   - While the script runs the shim is in a process group of its own. So signals of the
//     terminal and those to the runner's group reach the script only, and those to the shim's
//     PID the shim only, which sends them on. SIGKILL ends the script as well (on Linux).
//   - A shim that leads its group cannot leave it. There the terminal's signals (SIGINT,
//     SIGQUIT, SIGTSTP) are not sent on, and others that are sent to the group come twice.
//   - While it waits, the shim acts on signals as a shell that has not started anything.
//   - SIGSTOP stops the shim alone. Realtime signals to its PID end it, and with it the script.
//
// It costs about 1.2 MB of memory that is not shared, and some milliseconds at the start.
package shim
