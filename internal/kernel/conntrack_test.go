package kernel

import (
	"testing"
	"testing/fstest"
)

func TestConntrackIsFoundAmongTypes(t *testing.T) {
	const has, lacks = "a\x00bpf_xdp_ct_lookup\x00b", "a\x00bpf_xdp_ct_lookups\x00b"
	for name, test := range map[string]struct {
		kernel, module string
		admin, want    bool
	}{
		"built in":                 {kernel: has, want: true},
		"a module":                 {kernel: lacks, module: has, admin: true, want: true},
		"a module, without rights": {kernel: lacks, module: has},
		"another name":             {kernel: lacks, module: lacks, admin: true},
		"without types":            {admin: true},
	} {
		root := fstest.MapFS{}
		for file, types := range map[string]string{"vmlinux": test.kernel, "nf_conntrack": test.module} {
			if types != "" {
				root["sys/kernel/btf/"+file] = &fstest.MapFile{Data: []byte(types)}
			}
		}
		if got := (Host{Root: root, Held: map[string]bool{CapSysAdmin: test.admin}}).Conntrack(); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
