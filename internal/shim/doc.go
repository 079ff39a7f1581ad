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
// the variables that the guard sets and, unless it says otherwise, what led to the shim. Its
// parent is another. And there are three things that a Go program cannot pass on:
//
//   - Standard descriptors that are closed are open to /dev/null.
//   - Of the signals that are ignored it knows SIGINT, SIGHUP and those that stop processes. The
//     others, but SIGPIPE, it takes from the parent, if the parent ignores one of the first two
//     and has passed that on. Node passes on none.
//   - If it becomes the shell, SIGCHLD and SIGPROF are no longer blocked.
//
// A signal reaches the script once, as it would have reached the shell:
//
//   - While the script runs the shim is in a process group of its own. So the script alone gets
//     the terminal's signals and those to the runner's group, and the shim alone those to its
//     PID, which it sends on. SIGKILL ends the script as well (on Linux).
//   - If the shim leads its group, it cannot leave it. Then it does not send on SIGINT and
//     SIGQUIT, if there is a terminal, nor SIGCONT, SIGWINCH and those that stop processes. Other
//     signals that are sent to the group come twice.
//   - While it waits, the shim acts on signals as a shell that has not started anything.
//   - SIGSTOP stops the shim alone. Realtime signals to its PID end it, and the script with it.
//   - A program that signals each process of a tree (tree-kill) signals the script twice: the
//     shim cannot know that it has been signalled.
//
// It holds about 1.2 MB of memory that is not shared, and takes 4 to 6 ms of processor time.
package shim
