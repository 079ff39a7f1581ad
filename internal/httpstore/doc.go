// Package httpstore keeps the objects of a shared cache on servers that speak HTTP: those of Turborepo
// and of Bazel. Other stores can be built on its Client.
//
// Neither kind of server promises not to overwrite an object. What is read is not trusted; its user
// checks it (package envelope). No request waits for longer than a few seconds in which nothing comes
// or goes.
package httpstore
