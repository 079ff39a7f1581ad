// Package archtest holds the structure of heapmage by tests: which package may
// import which and why, how large a package may be, that every exported name has
// a caller, and that docs/messages.md has every message. Entries of its lists that
// no longer apply fail too.
package archtest
