package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
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
// verdict depends on and was not met, or is waived needlessly, is a failure; what it depends on and was
// not observed is an error, so that no dashboard takes it for a pass; anything
// else that was not judged or not met is skipped, with the reason.
func (r Report) WriteJUnit(w io.Writer) error {
	out := junitSuites{Name: "hookcheck " + Visible(r.Receiver.Name), Time: fmt.Sprintf("%.3f", r.DurationSeconds)}
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
	case r.NeedlessWaiver:
		s.Failures++
		c.Failure = &junitMessage{Message: "waived although it passes: " + Visible(r.Reason), Type: "waiver"}
	case r.Status == Failed && r.Required:
		s.Failures++
		c.Failure = &junitMessage{Message: r.summary(), Type: r.Level, Text: r.Text()}
	case r.Status == NotObserved && r.Required:
		s.Errors++
		c.Error = &junitMessage{Message: "not observed: " + Visible(r.Reason), Type: "not observed"}
	case r.Status != Passed:
		s.Skipped++
		message := r.Status
		switch {
		case r.Status == Failed:
			message = r.Level + " not met: " + r.summary()
		case r.Reason != "":
			message += ": " + Visible(r.Reason)
		}
		c.Skipped = &junitMessage{Message: message, Text: r.Text()}
	}
	s.Cases = append(s.Cases, c)
}
