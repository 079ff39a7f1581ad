// Package workflows checks what this repository gives to CI systems: its workflows, its action, and the
// recipes in docs/ci.md. It holds tests only.
package workflows
