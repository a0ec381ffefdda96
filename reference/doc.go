// Package reference receives moncreneau's webhooks: a complete server, made to be
// copied into a project of yours and run in production.
//
// Read it in this order:
//
//   - receiver.go: the way of a delivery from the socket to its acknowledgement
//   - handler.go: what is done with an event; the file that you replace, with
//     example_effects.go
//   - process.go: attempts, backoff and dead letters
//   - sqlite.go, postgres.go: where accepted events wait, and how each is kept exactly once
//
// The rest is named for what it does.
package reference
