package kernel

import (
	"bytes"
	"io/fs"
)

// Conntrack reports whether a program of XDP can ask the kernel's connection tracking
// (bpf_xdp_ct_lookup, Linux 5.18): the function is among the types of the kernel, or of the
// module, which has to be loaded, and whose types only CAP_SYS_ADMIN may look for.
func (h Host) Conntrack() bool {
	has := func(file string) bool {
		types, err := fs.ReadFile(h.Root, "sys/kernel/btf/"+file)
		return err == nil && bytes.Contains(types, []byte("\x00bpf_xdp_ct_lookup\x00")) // names stand there as they are
	}
	return has("vmlinux") || h.Held[CapSysAdmin] && has("nf_conntrack")
}
