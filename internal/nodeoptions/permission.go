package nodeoptions

import "regexp"

// permission finds the options of Node's permission model in a text.
var permission = regexp.MustCompile(`--(experimental-)?permission(-audit)?([^\w-]|$)`)

// Restricts reports whether a text, such as NODE_OPTIONS or a command, names Node's
// permission model.
func Restricts(text string) bool { return permission.MatchString(text) }
