package lab

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// madeUpSecret is the secret of a receiver that hookcheck starts itself. It
// follows from the seed, so that a run with the same seed sends the same bytes.
func madeUpSecret(seed uint64) string {
	return "whsec_" + hex.EncodeToString(derive(seed, "secret"))[:40]
}

// derive gives each purpose its own reproducible bytes.
func derive(seed uint64, purpose string) []byte {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, seed), purpose...))
	return sum[:]
}

// subSeed is the seed for one purpose, so that experiments which run at the
// same time do not depend on one another's order.
func subSeed(seed uint64, purpose string) uint64 {
	return binary.BigEndian.Uint64(derive(seed, purpose))
}
