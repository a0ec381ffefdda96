package chaos

import (
	"fmt"
)

// Shard is one of n disjoint parts of a plan, whose union is the whole. All
// attempts of an event, and all events of a life, are in the same one.
type Shard struct {
	// Index is from 1 to Of.
	Index int `json:"index"`
	// Of is how many there are; 0 means that the plan is not split.
	Of int `json:"of"`
}

// ParseShard reads "3/8", the third of eight. Empty is the whole.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	var s Shard
	var rest string
	if n, _ := fmt.Sscanf(text+" .", "%d/%d %s", &s.Index, &s.Of, &rest); n != 3 || rest != "." || s.Index < 1 || s.Index > s.Of {
		return Shard{}, fmt.Errorf(`shard %q: want i/n with i from 1 to n, such as "3/8"`, text)
	}
	return s, nil
}

func (s Shard) has(story uint64) bool {
	return s.Of == 0 || int(story%uint64(s.Of)) == s.Index-1 //nolint:gosec // Of is positive
}

// String is "3/8", or "1/1" for the whole.
func (s Shard) String() string {
	if s.Of == 0 {
		return "1/1"
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Of)
}
