package report

import (
	"fmt"
	"strings"
)

// Decide computes the checklist and the verdict from the requirements.
//
//   - non-conformant: a requirement that counts has failed, or a waiver names one that passes;
//   - no verdict: one that counts was not observed, or nothing was judged at all;
//   - conformant: otherwise.
func (r *Report) Decide() {
	r.Checklist = checklist(r.Requirements)
	var failed, unseen, needless []string
	judged := 0
	for _, requirement := range r.Requirements {
		switch requirement.Status {
		case Passed:
			judged++
			if requirement.NeedlessWaiver {
				needless = append(needless, requirement.ID)
			}
		case Failed:
			judged++
			if requirement.Required {
				failed = append(failed, requirement.ID)
			}
		case Waived:
			judged++
		case NotObserved:
			if requirement.Required {
				unseen = append(unseen, requirement.ID)
			}
		}
	}
	switch {
	case len(failed) > 0:
		r.Verdict, r.Reason = NonConformant, fmt.Sprintf("%s not met: %s", plural(len(failed), "requirement"), strings.Join(failed, ", "))
	case len(needless) > 0:
		r.Verdict, r.Reason = NonConformant, "waived although it passes: "+strings.Join(needless, ", ")+"; take the waiver out"
	case judged == 0:
		r.Verdict, r.Reason = NoVerdict, "nothing was judged"
	case len(unseen) > 0:
		r.Verdict, r.Reason = NoVerdict, fmt.Sprintf("%s could not be judged: %s", plural(len(unseen), "requirement"), strings.Join(unseen, ", "))
	default:
		r.Verdict, r.Reason = Conformant, ""
	}
}

// Waive applies a waiver: a failure is accepted, and a pass is a reason to take
// the waiver out. What was not observed stays so.
func (r *Requirement) Waive(reason string) {
	switch r.Status {
	case Failed:
		r.Status, r.Reason = Waived, reason
	case Passed:
		r.NeedlessWaiver, r.Reason = true, reason
	}
}

// checklist sums the requirements up by item, in the order of their first
// requirement. An item passes only if something of it has passed.
func checklist(requirements []Requirement) []Item {
	var out []Item
	at := map[string]int{}
	bad, unseen := map[string]bool{}, map[string]bool{}
	for _, r := range requirements {
		i, ok := at[r.Item]
		if !ok {
			i = len(out)
			at[r.Item] = i
			out = append(out, Item{Item: r.Item, Counts: map[string]int{}})
		}
		out[i].Counts[r.Status]++
		bad[r.Item] = bad[r.Item] || r.Status == Failed && r.Required
		unseen[r.Item] = unseen[r.Item] || r.Status == NotObserved && r.Required
	}
	for i := range out {
		c := out[i].Counts
		switch {
		case bad[out[i].Item]:
			out[i].Status = Failed
		case unseen[out[i].Item]:
			out[i].Status = NotObserved
		case c[Passed] > 0: // a SHOULD that failed is told, but fails no item
			out[i].Status = Passed
		case c[Failed] > 0: // unless nothing else is there
			out[i].Status = Failed
		case c[Waived] > 0:
			out[i].Status = Waived
		case c[NotObserved] > 0:
			out[i].Status = NotObserved
		default:
			out[i].Status = NotApplicable
		}
	}
	return out
}
