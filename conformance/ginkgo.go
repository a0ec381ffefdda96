// Package conformance certifies receivers of moncreneau's webhooks.
//
// There are two doors to the same engine. [Certify] is the one of the command
// line. [Register] adds the specs to a Ginkgo suite of your own, and [Test]
// runs them from a Go test:
//
//	func TestWebhooks(t *testing.T) {
//		cfg, err := conformance.Load("hookcheck.yaml")
//		if err != nil {
//			t.Fatal(err)
//		}
//		conformance.Test(t, cfg)
//	}
package conformance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/moncreneau/hookcheck/conformance/catalogue"
	"github.com/moncreneau/hookcheck/conformance/report"
)

// Register adds one spec for each requirement to the suite that is being
// built. Call it where specs are declared, outside of other nodes' functions.
// The receiver is started before the first of them and removed after the last.
// A configuration that cannot be used fails every spec with the reason.
//
// Specs carry labels for the item, the level and the profile, so that
// --ginkgo.label-filter='signature && MUST' works. What could not be observed
// is skipped with the reason; it never passes.
func Register(cfg Config) {
	s, err := newSession(cfg)
	if err != nil {
		ginkgo.It("hookcheck can be configured", func() { ginkgo.Fail(err.Error()) })
		return
	}
	register(s)
}

func register(s *session) {
	ginkgo.Describe("moncreneau webhooks", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		// The run outlives the node that starts it, and ends with the container.
		run, end := context.WithCancel(context.Background())
		ginkgo.BeforeAll(func(ctx ginkgo.SpecContext) {
			stop := context.AfterFunc(ctx, end) // an interrupt while starting
			defer stop()
			if err := s.start(run); err != nil {
				ginkgo.Fail("hookcheck: " + err.Error())
			}
		})
		ginkgo.AfterAll(func() {
			defer end()
			if err := s.finish(); err != nil {
				ginkgo.Fail("hookcheck: " + err.Error())
			}
		})
		for i, r := range s.selection {
			ginkgo.It(r.ID+" "+r.Title, labels(r), func(ctx ginkgo.SpecContext) {
				switch result := s.judge(ctx, i); {
				case result.Status == report.Passed:
				case result.Status == report.Failed && result.Required:
					ginkgo.Fail(result.Text())
				default:
					ginkgo.Skip(result.Status + ": " + strings.TrimSpace(result.Reason+"\n"+result.Text()))
				}
			})
		}
	})
}

func labels(r catalogue.Requirement) ginkgo.Labels {
	return ginkgo.Label("hookcheck", string(r.Item), string(r.Level), string(r.Profile()))
}

// cleanupTimeout bounds the removal of containers and processes.
const cleanupTimeout = 2 * time.Minute

// Test runs the specs as a suite of their own.
func Test(t ginkgo.GinkgoTestingT, cfg Config) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	Register(cfg)
	ginkgo.RunSpecs(t, fmt.Sprintf("hookcheck: %s", nameOf(cfg.Receiver.Receiver)))
}
