// Package guarder holds policies of Guarder that are ready to use, each with its
// tests: baseline, forged ICMP, packets out of state, floods, floods of SYNs, scans, bans, the
// local network, tunnels, industrial protocols, pings, and examples. README.md tells what each is for.
package guarder

import "embed"

// Files are the policies, NAME.yaml, and their tests, NAME_test.yaml.
//
//go:embed *.yaml
var Files embed.FS
