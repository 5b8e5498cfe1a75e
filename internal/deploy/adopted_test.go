package deploy

import (
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

// adopted is where "guard adopt" puts rules that are in force for a time.
const adopted = "/var/lib/packetscope/adopted"

// TestRulesCanBeAdopted: the verb takes the first folder among the paths of an agent, and
// groups of equal priority are tried in the order of the paths, so that a rule of the
// policy does not hide one that is to stop an attack.
func TestRulesCanBeAdopted(t *testing.T) {
	start := settings(read(t, folder+"packetscope-guard.service"), "ExecStart")
	guard := load(t).Services["guard"]
	manifest := readManifest(t, "kubernetes-guard.yaml").workload
	for where, arguments := range map[string][]string{
		"unit": strings.Fields(start[0]), "compose": guard.Command, "Kubernetes": manifest.Spec.Template.Spec.Containers[0].Args,
	} {
		i := slices.Index(arguments, "run")
		paths := slices.DeleteFunc(slices.Clone(arguments[i+1:]), func(a string) bool { return !strings.HasPrefix(a, "/") })
		if i < 0 || len(paths) < 2 || paths[0] != adopted {
			t.Errorf("%s: the agent reads %q, want %s first", where, paths, adopted)
		}
	}
	writable := slices.ContainsFunc(guard.Volumes, func(v types.ServiceVolumeConfig) bool {
		return v.Target == adopted && v.Type == types.VolumeTypeVolume && !v.ReadOnly
	})
	if !writable {
		t.Errorf("compose: %s is no volume that can be written to: %+v", adopted, guard.Volumes)
	}
}
