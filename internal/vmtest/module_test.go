package vmtest

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSortModulesPutsDependenciesFirst(t *testing.T) {
	graph := map[string][]string{
		"bridge":       {"stp", "llc"},
		"stp":          {"llc"},
		"llc":          nil,
		"nf_conntrack": {"nf_defrag_ipv4", "libcrc32c"},
		"nf_tables":    {"libcrc32c"},
		"libcrc32c":    nil,
	}
	load := func(name string) (Module, []string, error) {
		depends, ok := graph[name]
		if !ok {
			return Module{}, nil, fs.ErrNotExist
		}
		return Module{Name: name}, depends, nil
	}
	builtin := []string{"nf_defrag_ipv4", "veth"}

	got, err := sortModules([]string{"veth", "bridge", "nf_conntrack", "nf_tables"}, builtin, load)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range got {
		names = append(names, m.Name)
	}
	want := []string{"llc", "stp", "bridge", "libcrc32c", "nf_conntrack", "nf_tables"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}

	_, err = sortModules([]string{"sch_netem"}, builtin, load)
	if err == nil || !strings.Contains(err.Error(), `"sch_netem"`) {
		t.Errorf("missing module: got error %v, want one that names it", err)
	}
}

func TestDependsOf(t *testing.T) {
	for info, want := range map[string][]string{
		"license=GPL\x00depends=nf-tables,x_tables\x00name=nft_compat\x00": {"nf_tables", "x_tables"},
		"depends=\x00retpoline=Y\x00":                                      {},
		"license=GPL\x00":                                                  nil,
	} {
		if diff := cmp.Diff(want, dependsOf([]byte(info))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", info, diff)
		}
	}
}

func TestImageOf(t *testing.T) {
	depends := []string{"kmod", "linux-image-6.1.0-56-cloud-amd64", "<bsd-mailx>"}
	if got, want := imageOf(depends), "linux-image-6.1.0-56-cloud-amd64"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
