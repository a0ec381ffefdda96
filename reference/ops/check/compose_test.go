package check

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestCompose loads compose.yaml as Compose does, and wants every file in it to be
// there and every variable of the receiver to be one that it reads.
func TestCompose(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"},
		cli.WithEnv([]string{"POSTGRES_PASSWORD=postgres", "GRAFANA_PASSWORD=grafana"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %d is open to other machines", name, port.Target)
			}
		}
		if service.Build == nil && !strings.Contains(service.Image, ":") {
			t.Errorf("%s: the image %s has no version", name, service.Image)
		}
	}
	receiver := project.Services["receiver"]
	variables := readVariables(t)
	for name := range receiver.Environment {
		if !slices.Contains(variables, name) {
			t.Errorf("the receiver does not read %s", name)
		}
	}
	if secret := receiver.Environment["MONCRENEAU_WEBHOOK_SECRET_FILE"]; secret == nil || *secret != "/run/secrets/"+receiver.Secrets[0].Source {
		t.Error("the secret is not where the receiver looks for it")
	}
	if !receiver.ReadOnly || !slices.Contains(receiver.CapDrop, "ALL") {
		t.Error("the receiver may do more than it needs to")
	}
}

func TestComposeWantsAPassword(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := options.LoadProject(t.Context()); err == nil || !strings.Contains(err.Error(), "PASSWORD") {
		t.Errorf("without a password: %v", err)
	}
}
