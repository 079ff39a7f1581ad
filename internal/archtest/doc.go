// Package archtest holds the structure of heapmage: which package may import
// which, and why. It has tests only.
package archtest
