// Package container builds small packages in real containers, with a Docker daemon that it
// starts: as process 1, without root's rights, and by the recipe in docs/ci.md. It holds
// tests only. They need RIG=1, and root on Linux.
package container
