package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moncreneau/hookcheck/conformance/catalogue"
	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
	"github.com/moncreneau/hookcheck/conformance/report"
)

// UsageError is a configuration or a command line that cannot be used.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string { return e.Problem }

func usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// Select returns the requirements that only names, all of them if it is empty,
// without those that skip names. Names are ids (SIG-04) and items (signature),
// in any case. One that matches nothing is an error, and so is a selection
// that leaves nothing.
func Select(only, skip []string) ([]catalogue.Requirement, error) {
	all := catalogue.All()
	for _, name := range append(slices.Clone(only), skip...) {
		if !slices.ContainsFunc(all, func(r catalogue.Requirement) bool { return named(r, name) }) {
			return nil, usagef("%q is neither the id of a requirement nor an item of the checklist (%s); hookcheck requirements lists them", name, items())
		}
	}
	selected := slices.DeleteFunc(all, func(r catalogue.Requirement) bool {
		in := func(names []string) bool {
			return slices.ContainsFunc(names, func(name string) bool { return named(r, name) })
		}
		return len(only) > 0 && !in(only) || in(skip)
	})
	if len(selected) == 0 {
		return nil, usagef("the filters leave no requirement to judge")
	}
	return selected, nil
}

func named(r catalogue.Requirement, name string) bool {
	return strings.EqualFold(r.ID, name) || strings.EqualFold(string(r.Item), name)
}

func items() string {
	var out []string
	for _, item := range catalogue.Items() {
		out = append(out, string(item))
	}
	return strings.Join(out, ", ")
}

// optional are observers that a receiver may do without: what only they can
// show is not required of a run that was not given them.
const optional = lab.Metrics | lab.Logs | lab.DeadLetters

// highestProfile is the highest profile whose every MUST can be judged with
// what the configuration makes observable.
func highestProfile(cfg config.Config) catalogue.Profile {
	highest := catalogue.Wire
	for _, profile := range catalogue.Profiles() {
		for _, r := range catalogue.All() {
			if r.Level == catalogue.Must && r.Profile() == profile && r.NotApplicable(cfg) == "" && missing(r, cfg)&^optional != 0 {
				return highest
			}
		}
		highest = profile
	}
	return highest
}

// missing are the needs of r that the configuration does not meet.
func missing(r catalogue.Requirement, cfg config.Config) lab.Need {
	return r.AllNeeds() &^ lab.Available(cfg)
}

func within(profile, limit catalogue.Profile) bool {
	return slices.Index(catalogue.Profiles(), profile) <= slices.Index(catalogue.Profiles(), limit)
}

// parseProfile reads a profile's name; "" is the highest observable one.
func parseProfile(name string, cfg config.Config) (catalogue.Profile, error) {
	if name == "" {
		return highestProfile(cfg), nil
	}
	profile := catalogue.Profile(strings.ToLower(name))
	if !slices.Contains(catalogue.Profiles(), profile) {
		return "", usagef("--profile: %q is not one of wire, effects, lifecycle", name)
	}
	return profile, nil
}

// checkWaivers refuses waivers of what does not exist.
func checkWaivers(cfg config.Config) error {
	for _, id := range slices.Sorted(maps.Keys(cfg.Waive)) {
		if _, err := catalogue.Find(id); err != nil {
			return usagef("waive: %v", err)
		}
	}
	return nil
}

// planned is a requirement's part in a run, before anything is judged.
func planned(r catalogue.Requirement, cfg config.Config, profile catalogue.Profile, explicit, strict bool) report.Requirement {
	out := report.Requirement{
		ID: r.ID, Item: string(r.Item), Level: string(r.Level), Profile: string(r.Profile()),
		Title: r.Title, Why: r.Why, Mend: r.Mend, Guide: r.Guide,
	}
	binding := r.Level == catalogue.Must || strict
	if why := r.NotApplicable(cfg); why != "" {
		out.Status, out.Reason = report.NotApplicable, why
		return out
	}
	if sources := r.Unobservable(cfg); len(sources) > 0 {
		out.Status = report.NotObserved
		out.Reason = "it takes " + strings.Join(sources, " and ")
		out.Required = binding && within(r.Profile(), profile) && missing(r, cfg)&^optional != 0
		return out
	}
	if explicit && !within(r.Profile(), profile) {
		out.Status, out.Reason = report.NotObserved, fmt.Sprintf("it belongs to the profile %s, and %s was asked for", r.Profile(), profile)
		return out
	}
	out.Required = binding
	return out
}
