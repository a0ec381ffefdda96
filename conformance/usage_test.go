package conformance_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// withExec is a configuration of the hostile receiver that accepts everything,
// followed by more lines.
func withExec(more string) map[string]string {
	return map[string]string{"hookcheck.yaml": fmt.Sprintf("receiver:\n  exec: [%s, accepts]\n  ready: /healthz\n  env: {PORT: \"{{.Port}}\"}\n%s", hostile, more)}
}

func TestWhatCannotBeUsedIsNamedAndEndsWithExitCode2(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		args  []string
		says  []string
	}{
		"no receiver at all":             {nil, nil, []string{"no receiver to certify", "no hookcheck.yaml here", "--url, --image, --dockerfile and --exec"}},
		"a file without a receiver":      {map[string]string{"hookcheck.yaml": "declare: {ack: 3s}\n"}, nil, []string{"receiver: say how it is reached", "image, dockerfile, exec, url"}},
		"a file that is not there":       {nil, []string{"--config", "other.yaml"}, []string{"other.yaml", "no such file"}},
		"a key that does not exist":      {map[string]string{"hookcheck.yaml": "receiver:\n  imagee: x\n"}, nil, []string{"hookcheck.yaml:2:3:", `the key "imagee" is unknown; did you mean image?`}},
		"a flag that does not exist":     {nil, []string{"--imagee", "x"}, []string{"unknown flag: --imagee; did you mean --image?", "See hookcheck certify --help."}},
		"a receiver of two kinds":        {nil, []string{"--image", "x", "--url", "http://127.0.0.1"}, []string{"receiver: expected one of", "not image and url"}},
		"a URL without its secret":       {nil, []string{"--url", "http://127.0.0.1:9/hooks"}, []string{"secret:", "--secret-file", "MONCRENEAU_WEBHOOK_SECRET"}},
		"an empty secret file":           {map[string]string{"secret": "\n"}, []string{"--url", "http://127.0.0.1:9/hooks", "--secret-file", "secret"}, []string{"secretFile", "empty"}},
		"a URL that is none":             {nil, []string{"--url", "staging.example"}, []string{"receiver.url", "staging.example"}},
		"an unknown requirement":         {withExec(""), []string{"--only", "SIG-99"}, []string{`"SIG-99"`, "hookcheck requirements"}},
		"an unknown item to skip":        {withExec(""), []string{"--skip", "signatures"}, []string{`"signatures"`, "signature, acknowledgement"}},
		"filters that leave nothing":     {withExec(""), []string{"--only", "SIG-01", "--skip", "signature"}, []string{"leave no requirement"}},
		"a waiver of what is not":        {withExec("waive: {SIG-99: we know}\n"), nil, []string{"waive", "SIG-99"}},
		"a waiver without a reason":      {withExec("waive:\n  SIG-01: \"\"\n"), nil, []string{"hookcheck.yaml:6:", "waive.SIG-01", "reason"}},
		"a profile that does not exist":  {withExec(""), []string{"--profile", "all"}, []string{"--profile", "wire, effects, lifecycle"}},
		"a format that does not exist":   {withExec(""), []string{"--format", "xml"}, []string{"--format", "expected text or json"}},
		"a report folder that is a file": {withExec(""), []string{"--report", "hookcheck.yaml"}, []string{"--report", "hookcheck.yaml"}},
		"a report folder without room":   {withExec(""), []string{"--report", "/proc"}, []string{"--report", "/proc/"}},
		"a variable without a value":     {withExec(""), []string{"--env", "PORT"}, []string{"--env", "NAME=value", "PORT"}},
		"a template that is wrong":       {withExec(""), []string{"--env", "A={{.Prt}}"}, []string{"receiver.env.A", "{{.Prt}}", ".Port"}},
		"an argument":                    {withExec(""), []string{"staging"}, []string{`"staging"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := hookcheck(t, c.files, append([]string{"certify"}, c.args...)...)
			run.cmd.Env = append(run.cmd.Env, "MONCRENEAU_WEBHOOK_SECRET=")
			code, output := run.run(t)
			expect := gomega.NewWithT(t).Expect
			expect(code).To(gomega.Equal(2), output)
			expect(output).To(gomega.HavePrefix("hookcheck: "), "said before anything is started")
			expect(run.stdout.String()).To(gomega.BeEmpty())
			for _, want := range c.says {
				expect(output).To(gomega.ContainSubstring(want))
			}
			run.leavesNothing(t)
		})
	}
}

func TestAReceiverThatCannotBeExaminedIsNamedAndEndsWithExitCode3(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for name, c := range map[string]struct {
		files map[string]string
		args  []string
		says  []string
	}{
		"a program that does not exist": {nil, []string{"--exec", "no-such-receiver --now"}, []string{"receiver.exec", `"no-such-receiver"`, "not found"}},
		"a program that ends at once":   {nil, []string{"--exec", hostile + " no-such-way"}, []string{"ended with exit status 2 before it was ready", "| hostile: no such way to misbehave"}},
		"a receiver that is never ready": {map[string]string{"hookcheck.yaml": fmt.Sprintf("receiver:\n  exec: [%s, fails]\n  ready: /up\n  startTimeout: 300ms\n  env: {PORT: \"{{.Port}}\"}\n", hostile)}, nil,
			[]string{"not ready after 300ms: GET /up answered 500"}},
		"a receiver that listens elsewhere": {map[string]string{"hookcheck.yaml": fmt.Sprintf("receiver:\n  exec: [%s, accepts]\n  startTimeout: 300ms\n  env: {PORT: \"0\"}\n", hostile)}, nil,
			[]string{"not ready after 300ms", "connection refused", "put {{.Port}} into its arguments or its environment"}},
		"a port that is taken": {map[string]string{"hookcheck.yaml": fmt.Sprintf("receiver:\n  exec: [%s, accepts]\n  startTimeout: 5s\n  env: {PORT: \"%s\"}\n", hostile, port)}, nil,
			[]string{"ended with exit status 1 before it was ready", port, "address already in use"}},
		"a sink whose port is taken":        {withExec("observe: {sink: {listen: \"127.0.0.1:" + port + "\"}}\n"), nil, []string{"observe.sink.listen", port, "address already in use"}},
		"a Dockerfile that is not there":    {nil, []string{"--dockerfile", "build/Dockerfile"}, []string{"receiver.dockerfile", "build/Dockerfile: no such file"}},
		"a URL that nobody serves":          {nil, []string{"--url", "http://127.0.0.1:1/hooks"}, []string{"no answer from http://127.0.0.1:1", "connection refused"}},
		"a host that does not exist":        {nil, []string{"--url", "http://receiver.invalid/hooks"}, []string{"no answer from http://receiver.invalid"}},
		"a profile that cannot be observed": {withExec("declare: {rateLimit: none}\n"), []string{"--profile", "effects", "--only", "idempotency"}, []string{"no verdict (profile effects", "could not be judged: IDEM-02", "an observer of effects"}},
	} {
		t.Run(name, func(t *testing.T) {
			run := hookcheck(t, c.files, append([]string{"certify"}, c.args...)...)
			run.cmd.Env = append(run.cmd.Env, "MONCRENEAU_WEBHOOK_SECRET=whsec_for_tests")
			code, output := run.run(t)
			expect := gomega.NewWithT(t).Expect
			expect(code).To(gomega.Equal(3), output)
			for _, want := range c.says {
				expect(output).To(gomega.ContainSubstring(want))
			}
			expect(output).NotTo(gomega.ContainSubstring("whsec_for_tests"))
			run.leavesNothing(t)
		})
	}
}

// imageOf builds an image from scratch around the hostile receiver.
func imageOf(t *testing.T, arguments string) (name string) {
	t.Helper()
	needs(t, "docker")
	dir := t.TempDir()
	program, err := os.ReadFile(hostile)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"hostile": program, "Dockerfile": []byte("FROM scratch\nCOPY hostile /hostile\nENTRYPOINT [\"/hostile\", " + arguments + "]\n")} {
		if err := os.WriteFile(dir+"/"+name, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	name = "hookcheck-test-" + strings.ToLower(strings.NewReplacer("/", "-", "#", "-", "_", "-").Replace(t.Name()))
	if out, err := exec.Command("docker", "build", "-t", name, dir).CombinedOutput(); err != nil {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", "-f", name).Run() })
	return name
}

func TestAnImageThatExitsAtOnceIsReportedWithWhatItSaid(t *testing.T) {
	run := hookcheck(t, nil, "certify", "--image", imageOf(t, `"no-such-way"`)).marked()
	code, output := run.run(t)
	expect := gomega.NewWithT(t).Expect
	expect(code).To(gomega.Equal(3), output)
	expect(output).To(gomega.ContainSubstring("ended with exit code 2 before it was ready"))
	expect(output).To(gomega.ContainSubstring("| hostile: no such way to misbehave"))
	run.leavesNothing(t)
}

func TestAnImageThatIsNotHereAndCannotBePulledIsNamed(t *testing.T) {
	needs(t, "docker")
	run := hookcheck(t, nil, "certify", "--image", "registry.invalid/acme/webhooks:1").marked()
	code, output := run.run(t)
	expect := gomega.NewWithT(t).Expect
	expect(code).To(gomega.Equal(3), output)
	expect(output).To(gomega.ContainSubstring("receiver.image: registry.invalid/acme/webhooks:1 is not here and cannot be pulled"))
	run.leavesNothing(t)
}

func TestAWaiverOfWhatPassesFailsTheRun(t *testing.T) {
	run := hookcheck(t, withExec("declare: {rateLimit: none}\nwaive:\n  SIG-17: our proxy changes the case\n"), "certify", "--only", "SIG-17", "--quiet")
	code, output := run.run(t)
	expect := gomega.NewWithT(t).Expect
	expect(code).To(gomega.Equal(1), output)
	expect(output).To(gomega.ContainSubstring("waived although it passes: SIG-17"))
}

func TestAWaiverOfWhatFailsIsPrintedAndAcceptsIt(t *testing.T) {
	run := hookcheck(t, withExec("declare: {rateLimit: none}\nwaive:\n  SIG-10: staging has no secret\n"), "certify", "--only", "SIG-10,SIG-17", "--quiet")
	code, output := run.run(t)
	expect := gomega.NewWithT(t).Expect
	expect(code).To(gomega.Equal(0), output)
	expect(output).To(gomega.ContainSubstring("staging has no secret"))
	expect(output).To(gomega.ContainSubstring("1 waived"))
}
