// Package vmtest boots a small virtual machine whose kernel has cgroups of version 2, and
// runs in it the tests that depend on them, and the compiled targets, without Node. It
// holds tests only, which run if RIG is set:
//
//	RIG=1 go test -v ./internal/vmtest/...
//
// The machine is Debian's kernel and busybox under QEMU without KVM, which is about ten
// times slower than its host. A host that has version 2 itself needs no machine: there the
// tests run in their own packages, if root runs them.
package vmtest
