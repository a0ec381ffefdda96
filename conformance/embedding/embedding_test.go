// Package embedding_test shows hookcheck's specs inside a Ginkgo suite that
// belongs to somebody else: with a BeforeSuite, specs and labels of its own.
package embedding_test

import (
	"os/exec"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/moncreneau/hookcheck/conformance"
	"github.com/moncreneau/hookcheck/conformance/catalogue"
)

var prepared bool

var _ = BeforeSuite(func() { prepared = true })

var _ = Describe("a suite of one's own", func() {
	It("has specs of its own", func() { Expect(prepared).To(BeTrue()) })
})

var _ = func() bool {
	cfg, err := conformance.Load("../testdata/receivers/python/hookcheck.yaml")
	if err != nil {
		panic(err)
	}
	cfg.Only = []string{"signature", "IDEM-03"}
	conformance.Register(cfg)
	return true
}()

// Both directions matter: the specs of hookcheck ran, and so did the others.
var _ = ReportAfterSuite("every spec ran", func(report Report) {
	signature := 0
	for _, spec := range report.SpecReports {
		if spec.LeafNodeType.String() != "It" {
			continue
		}
		Expect(spec.State.String()).To(Equal("passed"), spec.FullText())
		if strings.Contains(strings.Join(spec.Labels(), " "), string(catalogue.Signature)) {
			signature++
		}
	}
	selected, err := conformance.Select([]string{"signature"}, nil)
	Expect(err).NotTo(HaveOccurred())
	Expect(signature).To(Equal(len(selected)))
})

func TestEmbedding(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("the receiver of this example is written in Python, which is not here")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "a suite of one's own")
}
