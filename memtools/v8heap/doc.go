// Package v8heap looks into Node processes: it reads the figures of V8's heap and
// forces a garbage collection, even while the program is inside one long synchronous
// call, as tsc is from start to end.
//
// A [Server] listens on a Unix socket in a folder of mode 0700. It talks to the
// agent, a script that a Node process preloads if it is started with the server's
// Options and Env. The agent changes nothing about the program: no output, no exit
// code, no process kept alive, no global. If it cannot work, the program runs without
// it: after Close, or for another user. But Node itself ends if it may not read the
// script, so processes under its permission model must be started without the options.
//
// The agent costs a Node process one thread with its own V8 heap: 7 to 10 MB,
// depending on Node's version, and 5.5 to 8 MB once the process has lived for two
// seconds (docs/benchmarks.md lists what they consist of).
//
// A program can notice three things. The agent's thread takes the first thread id, so
// that the program's worker threads count from 2. NODE_OPTIONS contains a --require.
// A collection stops the program while it lasts. Package managers, which hold no heap
// worth collecting, and processes that are being debugged get no agent.
//
// docs/heap-agent-protocol.md describes the protocol.
package v8heap
