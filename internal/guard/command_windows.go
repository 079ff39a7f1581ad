package guard

import "os"

// passed are the signals that are passed on to the command.
var passed = []os.Signal{os.Interrupt}

// fromTerminal is true: Ctrl-C reaches all processes of a console.
func fromTerminal() bool { return true }
