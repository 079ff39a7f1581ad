// Package admission is the guard's end of its conversation with shims. A shim runs in place
// of the shell that a task runner starts for a package script, and asks before the script
// starts; package shim is that process, docs/guard-protocol.md the protocol.
//
//	server, err := admission.Listen(program)   // program acts as a shim if it is called sh
//	runner.Env, err = server.Environ(os.Environ())
//	for {
//		script, err := server.Accept()         // a shim has asked
//		go func() {
//			// once it is the script's turn; meanwhile the shim hears every second that we live
//			pid, err := script.Run(ctx, admission.Terms{Set: …})
//			ended, err := script.Wait(ctx)     // an error: the shim is gone
//			err = script.End()                 // or script.Again(reason), and Run once more
//		}()
//	}
//	err = server.Close(left)
//
// The peers are processes of the same user, and still not trusted: a connection of another
// user, an endless line, a frame out of turn or silence ends that connection and nothing
// else. A shim whose guard is gone, or does not answer, runs its script as a shell would.
package admission
