// Package archtest holds the structure of heapmage by tests: which package may
// import which and why, how large a package may be, and that every exported name
// has a caller. Entries of its lists that no longer apply fail too.
package archtest
