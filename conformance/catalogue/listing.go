package catalogue

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Listed is a requirement as lists show it.
type Listed struct {
	ID      string `json:"id"`
	Item    string `json:"item"`
	Level   string `json:"level"`
	Profile string `json:"profile"`
	Title   string `json:"title"`
	Why     string `json:"why"`
	Mend    string `json:"mend"`
	Guide   string `json:"guide"`
}

// Listing is the machine-readable form of requirements.
func Listing(requirements []Requirement) []Listed {
	out := make([]Listed, len(requirements))
	for i, r := range requirements {
		out[i] = Listed{r.ID, string(r.Item), string(r.Level), string(r.Profile()), r.Title, r.Why, r.Mend, r.Guide}
	}
	return out
}

// WriteText lists requirements in a table.
func WriteText(w io.Writer, requirements []Requirement) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range requirements {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Item, r.Level, r.Profile(), r.Title)
	}
	return table.Flush()
}
