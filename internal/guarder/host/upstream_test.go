//go:build linux

package host

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestResolversBehindAStubAreKnown: on a host with systemd-resolved, as Ubuntu has it, the
// answers come from others than resolv.conf names, and lists and bans must not touch those.
func TestResolversBehindAStubAreKnown(t *testing.T) {
	for name, test := range map[string]struct {
		conf  string
		files map[string]string
		want  []string
	}{
		"systemd-resolved": {"nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n",
			map[string]string{"systemd/resolve/resolv.conf": "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch .\n"}, []string{"127.0.0.53", "192.0.2.53", "2001:db8::53"}},
		"NetworkManager with dnsmasq": {"nameserver 127.0.0.1\n",
			map[string]string{"NetworkManager/no-stub-resolv.conf": "nameserver 192.0.2.53\n"}, []string{"127.0.0.1", "192.0.2.53"}},
		"not the stub":         {"nameserver 192.0.2.1\n", map[string]string{"systemd/resolve/resolv.conf": "nameserver 192.0.2.53\n"}, []string{"192.0.2.1"}},
		"another service":      {"nameserver 127.0.0.1\n", nil, []string{"127.0.0.1"}},
		"one that asks nobody": {"nameserver 127.0.0.53\n", map[string]string{"systemd/resolve/resolv.conf": "# No DNS servers known.\n"}, []string{"127.0.0.53"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := reader{etc: t.TempDir(), run: t.TempDir()}
			err := os.WriteFile(filepath.Join(r.etc, "resolv.conf"), []byte(test.conf), 0o600)
			for path, text := range test.files {
				path = filepath.Join(r.run, path)
				err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
			r.resolvers()
			var want []netip.Addr
			for _, text := range test.want {
				want = append(want, netip.MustParseAddr(text))
			}
			if diff := cmp.Diff(want, r.facts.Resolvers, plain); diff != "" || r.facts.Unknown[Resolvers] != "" {
				t.Errorf("%s (-want +got):\n%s", r.facts.Unknown[Resolvers], diff)
			}
		})
	}
}
