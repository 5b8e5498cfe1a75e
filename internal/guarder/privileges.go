package guarder

import "github.com/packetscope/packetscope/internal/kernel"

// Capabilities are those that an agent needs, and what for. Files are not among them:
// it is root's, as are the BPF file system and the admin socket.
var Capabilities = map[string]string{
	kernel.CapBPF:      "load programs and create maps",
	kernel.CapNetAdmin: "attach programs of XDP, and see the rules of nftables",
	kernel.CapPerfmon:  "load programs that compute with pointers, as tables are",
}
