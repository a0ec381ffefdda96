package check

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// objects decodes a file strictly: a field that Kubernetes does not know is an error.
func objects(t *testing.T, name string) []any {
	t.Helper()
	var all []any
	for _, document := range strings.Split(string(read(t, "../kubernetes/"+name)), "\n---\n") {
		var kind meta.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		object, known := map[meta.TypeMeta]any{
			{APIVersion: "v1", Kind: "ServiceAccount"}:                  &core.ServiceAccount{},
			{APIVersion: "v1", Kind: "Service"}:                         &core.Service{},
			{APIVersion: "v1", Kind: "Pod"}:                             &core.Pod{},
			{APIVersion: "v1", Kind: "PersistentVolumeClaim"}:           &core.PersistentVolumeClaim{},
			{APIVersion: "batch/v1", Kind: "Job"}:                       &batch.Job{},
			{APIVersion: "apps/v1", Kind: "StatefulSet"}:                &apps.StatefulSet{},
			{APIVersion: "apps/v1", Kind: "Deployment"}:                 &apps.Deployment{},
			{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}:      &policy.PodDisruptionBudget{},
			{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}:       &networking.Ingress{},
			{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}: &networking.NetworkPolicy{},
		}[kind]
		if !known {
			t.Fatalf("%s: %s %s is not known to this test", name, kind.APIVersion, kind.Kind)
		}
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Fatalf("%s: %s: %v", name, kind.Kind, err)
		}
		all = append(all, object)
	}
	return all
}

// find returns the one object of a kind.
func find[T any](t *testing.T, all []any) *T {
	t.Helper()
	for _, object := range all {
		if found, ok := object.(*T); ok {
			return found
		}
	}
	t.Fatalf("there is no %T", *new(T))
	return nil
}

func TestManifests(t *testing.T) {
	common := objects(t, "common.yaml")
	set := find[apps.StatefulSet](t, objects(t, "sqlite.yaml"))
	deployment := find[apps.Deployment](t, objects(t, "postgres.yaml"))
	address := startReceiver(t)
	for name, workload := range map[string]struct {
		template core.PodTemplateSpec
		selector *meta.LabelSelector
		claims   []core.PersistentVolumeClaim
	}{
		"sqlite":   {set.Spec.Template, set.Spec.Selector, set.Spec.VolumeClaimTemplates},
		"postgres": {deployment.Spec.Template, deployment.Spec.Selector, nil},
	} {
		t.Run(name, func(t *testing.T) {
			judgeLabels(t, workload.template.Labels, workload.selector, common)
			pod := workload.template.Spec
			judgeSecurity(t, pod)
			judgeEnvironment(t, pod, workload.claims)
			judgeProbes(t, pod.Containers[0], address)
		})
	}
	if *set.Spec.Replicas != 1 || len(set.Spec.VolumeClaimTemplates) != 1 {
		t.Error("SQLite is for one replica with a volume of its own")
	}
}

// judgeLabels wants everything that selects pods to select these.
func judgeLabels(t *testing.T, podLabels map[string]string, own *meta.LabelSelector, common []any) {
	t.Helper()
	policy, budget := find[networking.NetworkPolicy](t, common), find[policy.PodDisruptionBudget](t, common)
	for who, selector := range map[string]*meta.LabelSelector{
		"itself": own, "PodDisruptionBudget": budget.Spec.Selector, "NetworkPolicy": &policy.Spec.PodSelector,
		"Service": {MatchLabels: find[core.Service](t, common).Spec.Selector},
	} {
		s, err := meta.LabelSelectorAsSelector(selector)
		if err != nil || s.Empty() || !s.Matches(labels.Set(podLabels)) {
			t.Errorf("%s does not select the pod (%v)", who, err)
		}
	}
}

func judgeSecurity(t *testing.T, pod core.PodSpec) {
	t.Helper()
	if pod.SecurityContext == nil || pod.SecurityContext.RunAsNonRoot == nil || !*pod.SecurityContext.RunAsNonRoot {
		t.Error("the pod may run as root")
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Error("the pod gets a token of the cluster")
	}
	for _, container := range pod.Containers {
		s := container.SecurityContext
		if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Contains(s.Capabilities.Drop, "ALL") {
			t.Errorf("%s may do more than it needs to", container.Name)
		}
	}
}

// judgeEnvironment wants variables that the receiver reads, and files where they say.
func judgeEnvironment(t *testing.T, pod core.PodSpec, claims []core.PersistentVolumeClaim) {
	t.Helper()
	container := pod.Containers[0]
	known := readVariables(t)
	values := map[string]string{}
	for _, variable := range container.Env {
		values[variable.Name] = variable.Value
		if !slices.Contains(known, variable.Name) {
			t.Errorf("the receiver does not read %s", variable.Name)
		}
	}
	volumes := map[string]core.Volume{}
	for _, volume := range pod.Volumes {
		volumes[volume.Name] = volume
	}
	for _, claim := range claims {
		volumes[claim.Name] = core.Volume{Name: claim.Name}
	}
	mounts := map[string]core.Volume{}
	for _, mount := range container.VolumeMounts {
		volume, ok := volumes[mount.Name]
		if !ok {
			t.Errorf("there is no volume %s", mount.Name)
		}
		mounts[mount.MountPath] = volume
	}
	secret := values["MONCRENEAU_WEBHOOK_SECRET_FILE"]
	volume := mounts[filepath.Dir(secret)]
	if volume.Secret == nil || volume.Secret.Items[0].Path != filepath.Base(secret) {
		t.Errorf("no secret is mounted as %s", secret)
	}
	if dir, ok := values["DATA_DIR"]; ok && mounts[dir].Name != "data" {
		t.Errorf("DATA_DIR %s is not on the volume that is kept", dir)
	}
}

// judgeProbes asks a receiver what the probes ask.
func judgeProbes(t *testing.T, container core.Container, address string) {
	t.Helper()
	for name, probe := range map[string]*core.Probe{
		"startup": container.StartupProbe, "liveness": container.LivenessProbe, "readiness": container.ReadinessProbe,
	} {
		if probe == nil || probe.HTTPGet == nil {
			t.Errorf("there is no %s probe", name)
			continue
		}
		resp, err := http.Get("http://" + address + probe.HTTPGet.Path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the %s probe %s is answered %d", name, probe.HTTPGet.Path, resp.StatusCode)
		}
		if probe.HTTPGet.Port.String() != container.Ports[0].Name {
			t.Errorf("the %s probe asks the port %s", name, probe.HTTPGet.Port.String())
		}
	}
	if container.LivenessProbe.HTTPGet.Path == container.ReadinessProbe.HTTPGet.Path {
		t.Error("a store that is away would have the receiver restarted")
	}
}
