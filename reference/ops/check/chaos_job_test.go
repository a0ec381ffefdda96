package check

import (
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// The Indexed Job that sends a scenario in shards; that its command lines are the
// program's own is tested beside the program.
func TestChaosJob(t *testing.T) {
	all := objects(t, "../../../simulator/chaos/kubernetes/job.yaml")
	job, effects := find[batch.Job](t, all), find[core.Pod](t, all)
	service, claim := find[core.Service](t, all), find[core.PersistentVolumeClaim](t, all)

	spec := job.Spec
	if spec.CompletionMode == nil || *spec.CompletionMode != batch.IndexedCompletion {
		t.Error("pods of a Job that is not Indexed do not know their shard")
	}
	if *spec.Completions != *spec.Parallelism {
		t.Errorf("%d of %d shards are sent at the same time", *spec.Parallelism, *spec.Completions)
	}
	if *spec.BackoffLimit != 0 || spec.Template.Spec.RestartPolicy != core.RestartPolicyNever {
		t.Error("a shard may be sent twice")
	}
	for name, pod := range map[string]core.PodSpec{"shard": spec.Template.Spec, "effects": effects.Spec} {
		judgeVolumes(t, name, pod, claim.Name)
	}
	if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(effects.Labels)) {
		t.Error("the service does not select the pod that watches effects")
	}
	if port := effects.Spec.Containers[0].Ports[0].ContainerPort; service.Spec.Ports[0].Port != port {
		t.Errorf("the service has port %d, the pod listens on %d", service.Spec.Ports[0].Port, port)
	}
	if claim.Spec.AccessModes[0] != core.ReadWriteMany {
		t.Error("the pods of several nodes cannot write to one volume")
	}
}

// judgeVolumes wants what a container writes to be on the claim, and nothing else
// to be writable.
func judgeVolumes(t *testing.T, name string, pod core.PodSpec, claim string) {
	t.Helper()
	container := pod.Containers[0]
	if len(pod.Volumes) != 1 || len(container.VolumeMounts) != 1 {
		t.Fatalf("%s: want one volume, mounted once", name)
	}
	volume, mount := pod.Volumes[0], container.VolumeMounts[0]
	if mount.Name != volume.Name || mount.MountPath != "/report" || volume.PersistentVolumeClaim == nil || volume.PersistentVolumeClaim.ClaimName != claim {
		t.Errorf("%s: /report is not on %s", name, claim)
	}
	if s := container.SecurityContext; s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation {
		t.Errorf("%s may do more than it needs to", name)
	}
}
