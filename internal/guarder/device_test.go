package guarder

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDevicesByName(t *testing.T) {
	have := []net.Interface{{Index: 1, Name: "lo"}, {Index: 7, Name: "eth1"}, {Index: 3, Name: "eth0"}}
	for _, c := range []struct {
		names []string
		want  []Device
		err   string
	}{
		{[]string{"eth0"}, []Device{{3, "eth0"}}, ""},
		{[]string{"eth*", "eth0"}, []Device{{3, "eth0"}, {7, "eth1"}}, ""},
		{[]string{"wg*", "eth9?"}, nil, ""},
		{[]string{"eth0", "eth9"}, nil, `no network device is named "eth9" (there are lo, eth1, eth0)`},
		{[]string{"eth[0"}, nil, `device pattern "eth[0": syntax error in pattern`},
	} {
		got, err := chosen(c.names, have)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.names, diff)
		}
		if text := errorText(err); text != c.err {
			t.Errorf("%q: %q, want %q", c.names, text, c.err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
