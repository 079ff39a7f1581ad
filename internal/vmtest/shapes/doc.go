// Package shapes builds small packages inside real cgroups of version 2, as containers,
// Kubernetes and systemd nest and restrict them. It holds tests only. They need RIG=1, and
// root on a Linux with version 2; package vmtest runs them in a machine that has it.
package shapes
