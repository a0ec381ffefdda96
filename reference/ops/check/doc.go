// Package check tests what is in the folder above it, with the parsers of those who
// read it: Prometheus, Kubernetes and Compose. It is a module of its own so that the
// receiver does not depend on any of them.
package check
