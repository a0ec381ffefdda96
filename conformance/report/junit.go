package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as JUnit XML, one test suite an item. What the
// verdict depends on and was not met is a failure; what it depends on and was
// not observed is an error, so that no dashboard takes it for a pass; anything
// else that was not judged or not met is skipped, with the reason.
func (r Report) WriteJUnit(w io.Writer) error {
	out := junitSuites{Name: "hookcheck " + r.Receiver.Name, Time: fmt.Sprintf("%.3f", r.DurationSeconds)}
	for _, item := range r.Checklist {
		suite := junitSuite{Name: item.Item, Timestamp: r.Started.UTC().Format(time.RFC3339)}
		for _, requirement := range r.Requirements {
			if requirement.Item == item.Item {
				suite.add(requirement)
			}
		}
		out.Suites = append(out.Suites, suite)
		out.Tests += suite.Tests
		out.Failures += suite.Failures
		out.Errors += suite.Errors
		out.Skipped += suite.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(r Requirement) {
	c := junitCase{Name: r.ID + " " + r.Title, Class: "hookcheck." + r.Item}
	s.Tests++
	switch {
	case r.Status == Failed && r.Required:
		s.Failures++
		c.Failure = &junitMessage{Message: r.summary(), Type: r.Level, Text: r.explain()}
	case r.Status == NotObserved && r.Required:
		s.Errors++
		c.Error = &junitMessage{Message: "not observed: " + r.Reason, Type: "not observed"}
	case r.Status != Passed:
		s.Skipped++
		message := r.Status
		if r.Reason != "" {
			message += ": " + r.Reason
		}
		c.Skipped = &junitMessage{Message: message, Text: r.explain()}
	}
	s.Cases = append(s.Cases, c)
}

// summary is the first finding in a line.
func (r Requirement) summary() string {
	if len(r.Findings) == 0 {
		return r.Reason
	}
	f := r.Findings[0]
	text := fmt.Sprintf("expected %s; got %s", f.Expected, f.Actual)
	if more := len(r.Findings) - 1; more > 0 {
		text += fmt.Sprintf(" (and %s more)", plural(more, "finding"))
	}
	return text
}

// explain tells a failure in the fixed order: expected, actual, how to repeat
// it, why it matters, how to mend it.
func (r Requirement) explain() string {
	if len(r.Findings) == 0 {
		return ""
	}
	var out strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&out, "expected  %s\nactual    %s\n", f.Expected, f.Actual)
		if f.Diagnosis != "" {
			fmt.Fprintf(&out, "diagnosis %s\n", f.Diagnosis)
		}
		if n := len(f.Evidence); n > 0 {
			fmt.Fprintf(&out, "repeat    %s\n", r.Evidence[f.Evidence[n-1]].Curl)
		}
	}
	fmt.Fprintf(&out, "why       %s\nmend      %s\nguide     %s\n", r.Why, r.Mend, r.Guide)
	return out.String()
}
