package catalogue

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/moncreneau/hookcheck/conformance/config"
	"github.com/moncreneau/hookcheck/conformance/lab"
)

const documentationSection = "Write a runbook"

// runbookSections are what a runbook has to have, by words that a heading of
// each contains, in English or French.
var runbookSections = []struct {
	name    string
	heading *regexp.Regexp
}{
	{"what the service does (Overview, Architecture; Présentation, Vue d'ensemble)", regexp.MustCompile(`(?i)overview|architecture|purpose|pr[ée]sentation|vue d.ensemble|introduction`)},
	{"how it is configured and deployed (Configuration, Deployment; Configuration, Déploiement)", regexp.MustCompile(`(?i)config|deploy|install|d[ée]ploiement|mise en (service|production)`)},
	{"what to watch (Monitoring, Metrics, Alerts; Surveillance, Supervision, Métriques, Alertes)", regexp.MustCompile(`(?i)monitor|metric|m[ée]trique|alert|surveillance|supervision`)},
	{"what to do when it fails (Troubleshooting, Incidents; Dépannage, Diagnostic, Incidents)", regexp.MustCompile(`(?i)troubleshoot|incident|diagnos|d[ée]pannage|probl[èe]me|failure|panne`)},
	{"how to replay what was given up (Replay, Dead letters, Recovery; Rejeu, Lettres mortes, Reprise)", regexp.MustCompile(`(?i)replay|dead.?letter|recover|rejou|rejeu|lettres? mortes?|reprise|r[ée]cup[ée]ration`)},
	{"whom to call (Contacts, Escalation, On-call; Contacts, Escalade, Astreinte)", regexp.MustCompile(`(?i)contact|escalat|on.?call|escalade|astreinte|support`)},
}

// runbook is the list of headings of the file, or why it could not be read.
type runbook struct {
	headings []string
	err      error
}

var runbookTrial = lab.Define(lab.Plan{Name: "runbook"}, func(_ context.Context, r *lab.Run) (b runbook, err error) {
	cfg := r.Config()
	if cfg.Runbook == "" {
		return b, nil
	}
	file, err := os.Open(cfg.Resolve(cfg.Runbook))
	if err != nil {
		b.err = err
		return b, nil
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// Markdown, AsciiDoc and HTML headings.
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "==") || strings.HasPrefix(strings.ToLower(line), "<h") {
			b.headings = append(b.headings, line)
		}
	}
	b.err = lines.Err()
	return b, nil
})

func documentation() []Requirement {
	return []Requirement{{
		ID: "DOC-01", Level: Should, Guide: documentationSection,
		Applies: func(cfg config.Config) string {
			if cfg.Runbook == "" {
				return "no runbook is given (runbook)"
			}
			return ""
		},
		Title: "The runbook has the guide's sections, in English or French",
		Why:   "At three in the morning nobody reads code.",
		Mend:  "Write a section for each: what the service does, configuration, monitoring, troubleshooting, replay, contacts.",
		check: from(runbookTrial, func(b runbook, j *Judgement) {
			if b.err != nil {
				j.Require(false, "a runbook that can be read", b.err.Error())
				return
			}
			for _, section := range runbookSections {
				found := false
				for _, heading := range b.headings {
					found = found || section.heading.MatchString(heading)
				}
				j.Require(found, "a section on "+section.name, fmt.Sprintf("none of %d headings", len(b.headings)))
			}
		}),
	}}
}
