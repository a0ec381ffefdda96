package reference

import "crypto/sha256"

// idSet remembers event ids in a fixed number of bytes each, however long they are:
// about 40 with the map around them, so ten million take 400 MB. Half a SHA-256 is
// enough for no two ids to ever meet.
type idSet map[[16]byte]struct{}

// add returns false if the id was there before.
func (s idSet) add(id string) bool {
	before := len(s)
	s[digest(id)] = struct{}{}
	return len(s) > before
}

func (s idSet) remove(id string) { delete(s, digest(id)) }

func digest(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}
