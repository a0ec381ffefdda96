package report

import (
	"slices"
	"strconv"
)

// Answers are the answers that meet a requirement: a status ("401"), a class of
// them ("2xx"), or NoAnswer.
type Answers []string

// NoAnswer stands among Answers for a connection that ended, or stayed silent.
const NoAnswer = "no answer"

// Accept reports whether an answer with the status, 0 for none, is one of them.
func (a Answers) Accept(status int) bool {
	if status == 0 {
		return slices.Contains(a, NoAnswer)
	}
	return slices.Contains(a, strconv.Itoa(status)) || slices.Contains(a, strconv.Itoa(status/100)+"xx")
}
