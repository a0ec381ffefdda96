package report

import (
	"fmt"
	"strings"
)

// group are requirements that share a status and the reason for it.
type group struct {
	Reason       string
	Requirements []Requirement
}

// IDs are those of the group, in the order of the catalogue.
func (g group) IDs() string {
	var out []string
	for _, r := range g.Requirements {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

// grouped are the requirements of a status by their reason, in the order in
// which the reasons first come.
func (r Report) grouped(status string) (groups []group) {
	at := map[string]int{}
	for _, requirement := range r.Requirements {
		if requirement.Status != status {
			continue
		}
		i, known := at[requirement.Reason]
		if !known {
			i = len(groups)
			at[requirement.Reason] = i
			groups = append(groups, group{Reason: requirement.Reason})
		}
		groups[i].Requirements = append(groups[i].Requirements, requirement)
	}
	return groups
}

// failures are those that count, then those that do not, then the waived.
func (r Report) failures() (out []Requirement) {
	for _, wanted := range []func(Requirement) bool{
		func(q Requirement) bool { return q.Status == Failed && q.Required },
		func(q Requirement) bool { return q.Status == Failed && !q.Required },
		func(q Requirement) bool { return q.Status == Waived },
	} {
		for _, requirement := range r.Requirements {
			if wanted(requirement) {
				out = append(out, requirement)
			}
		}
	}
	return out
}

// waivers tells of every waiver that had to do with the verdict.
func (r Report) waivers() (out []line) {
	for _, requirement := range r.Requirements {
		switch {
		case requirement.Status == Waived:
			out = append(out, line{label: "waived " + requirement.ID, text: requirement.Reason})
		case requirement.NeedlessWaiver:
			out = append(out, line{label: "waived needlessly " + requirement.ID, text: requirement.Reason})
		}
	}
	return out
}

// scope is what the verdict is about: the profile, and what was changed or left out.
func (r Report) scope() string {
	text := "profile " + r.Profile
	if r.Strict {
		text += ", strict"
	}
	if r.Partial != "" {
		text += ", " + r.Partial
	}
	return text
}

// took says how long the run was; "" for one that never began.
func (r Report) took() string {
	if r.DurationSeconds == 0 {
		return ""
	}
	text := fmt.Sprintf("%.1f s", r.DurationSeconds)
	if wait := r.LongestWait; wait.Seconds >= 1 { // below, the receiver did not really make us wait
		text += fmt.Sprintf(", %.2f times the longest wait: %.1f s for %s", r.DurationSeconds/wait.Seconds, wait.Seconds, wait.For)
	}
	return text
}

// busy says that the machine had far more to do than it could, where something was not
// met for which that may be the reason.
func (r Report) busy() string {
	const tasksPerProcessor = 4 // a certification alone makes one or two
	if r.Machine == nil || r.Machine.Load < tasksPerProcessor*float64(r.Machine.Processors) ||
		r.Verdict == Conformant && len(r.failures()) == 0 {
		return ""
	}
	return fmt.Sprintf("the machine was busy: %.0f tasks wanted its %d processors; what came late may be its doing, not the receiver's",
		r.Machine.Load, r.Machine.Processors)
}

// counts says how many requirements of an item there are of each status, in a
// fixed order, and which failures do not count.
func (r Report) counts(item string) string {
	var order []string
	n := map[string]int{}
	for _, status := range []string{Passed, Failed, "SHOULD failed", Waived, NotObserved, NotApplicable} {
		for _, requirement := range r.Requirements {
			if requirement.Item == item && requirement.counted() == status {
				n[status]++
			}
		}
		if n[status] > 0 {
			order = append(order, fmt.Sprintf("%d %s", n[status], status))
		}
	}
	return strings.Join(order, ", ")
}

func (r Requirement) counted() string {
	if r.Status == Failed && !r.Required {
		return "SHOULD failed"
	}
	return r.Status
}
