package report_test

import (
	"fmt"
	"os"

	"github.com/moncreneau/hookcheck/conformance/report"
)

func ExampleReport_Decide() {
	r := report.Report{Requirements: []report.Requirement{
		{ID: "SIG-01", Item: "signature", Level: "MUST", Required: true, Status: report.Passed},
		{ID: "ACK-01", Item: "acknowledgement", Level: "MUST", Required: true, Status: report.NotObserved},
	}}
	r.Decide()
	fmt.Printf("%s: %s; exit code %d\n", r.Verdict, r.Reason, r.ExitCode())
	// Output: no verdict: 1 requirement could not be judged: ACK-01; exit code 3
}

func ExampleReport_WriteText() {
	r := report.Report{Profile: "wire", Receiver: report.Receiver{Target: "url http://127.0.0.1:8080/hook"},
		Requirements: []report.Requirement{{ID: "SIG-01", Item: "signature", Status: report.Passed, Required: true}}}
	r.Decide()
	if err := r.WriteText(os.Stdout, false); err != nil {
		fmt.Println(err)
	}
	// Output:
	//   ✔ signature        1 passed
	//       SIG-01
	//
	// conformant (profile wire) url http://127.0.0.1:8080/hook
}
