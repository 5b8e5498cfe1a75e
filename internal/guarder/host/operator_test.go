//go:build linux

package host

import (
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

var (
	other  = Connection{netip.MustParseAddrPort("192.0.2.10:22"), netip.MustParseAddrPort("203.0.113.5:40001")}
	online = []Socket{
		{Protocol: packet.TCP, Local: netip.MustParseAddrPort("0.0.0.0:22"), Remote: netip.MustParseAddrPort("0.0.0.0:0"), State: Listening, Inode: 700},
		{Protocol: packet.TCP, Local: other.Local, Remote: other.Remote, State: Established, Inode: 701},
		{Protocol: packet.TCP, Local: session.Local, Remote: session.Remote, State: Established, Inode: 702},
		{Protocol: packet.TCP, Local: session.Local, Remote: netip.MustParseAddrPort("198.51.100.7:50111"), State: Closing},
	}
)

// A process of a recorded /proc.
type process struct {
	parent      int
	name        string
	environment map[string]string
	sockets     []int
}

// recordProc writes the files of /proc that are read.
func recordProc(t *testing.T, processes map[int]process) string {
	t.Helper()
	proc := t.TempDir()
	for pid, p := range processes {
		folder := filepath.Join(proc, strconv.Itoa(pid))
		if err := os.MkdirAll(filepath.Join(folder, "fd"), 0o755); err != nil {
			t.Fatal(err)
		}
		var environ strings.Builder
		for key, value := range p.environment {
			environ.WriteString(key + "=" + value + "\x00")
		}
		for file, text := range map[string]string{
			"comm":    p.name + "\n",
			"stat":    strconv.Itoa(pid) + " (" + p.name + ") S " + strconv.Itoa(p.parent) + " 1 1 0 -1",
			"environ": environ.String(),
		} {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for fd, inode := range p.sockets {
			if err := os.Symlink("socket:["+strconv.Itoa(inode)+"]", filepath.Join(folder, "fd", strconv.Itoa(fd))); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("/dev/null", filepath.Join(folder, "fd", "99")); err != nil {
			t.Fatal(err)
		}
	}
	return proc
}

func TestOperatorIsFound(t *testing.T) {
	const said = "198.51.100.7 50112 192.0.2.10 22"
	plainShell := map[int]process{1: {0, "init", nil, nil}, 50: {1, "bash) S 7 (", nil, nil}, 60: {50, "packetscope", nil, nil}}
	for _, test := range []struct {
		name      string
		env       map[string]string
		processes map[int]process
		want      []Connection
		unknown   string // part of the reason
	}{
		{name: "not over SSH", processes: plainShell},
		{name: "SSH_CONNECTION", env: map[string]string{"SSH_CONNECTION": said}, processes: plainShell, want: []Connection{session}},
		{name: "SSH_CLIENT", env: map[string]string{"SSH_CLIENT": "198.51.100.7 50112 22"}, processes: plainShell, want: []Connection{session}},
		{
			name: "the environment of sudo's parent",
			processes: map[int]process{
				1: {0, "init", nil, nil}, 50: {1, "bash", map[string]string{"LANG": "C", "SSH_CONNECTION": said}, nil},
				55: {50, "sudo", nil, nil}, 60: {55, "packetscope", nil, nil},
			},
			want: []Connection{session},
		},
		{
			name: "the socket of the session's sshd, and not the listener's",
			processes: map[int]process{
				1: {0, "init", nil, nil}, 20: {1, "sshd", nil, []int{700}}, 40: {20, "sshd-session", nil, []int{702, 9}},
				50: {40, "bash", nil, []int{701}}, 60: {50, "packetscope", nil, nil},
			},
			want: []Connection{session},
		},
		{
			name: "a stale environment does not hide the sshd",
			env:  map[string]string{"SSH_CONNECTION": "198.51.100.7 1 192.0.2.10 22"},
			processes: map[int]process{
				1: {0, "init", nil, nil}, 40: {1, "sshd", nil, []int{701}}, 60: {40, "packetscope", nil, nil},
			},
			want: []Connection{other},
		},
		{
			name: "a stale environment alone", env: map[string]string{"SSH_CONNECTION": "198.51.100.7 1 192.0.2.10 22"}, processes: plainShell,
			unknown: `SSH_CONNECTION is "198.51.100.7 1 192.0.2.10 22", but no socket here has that peer`,
		},
		{
			name: "a stale environment that the parent has too", env: map[string]string{"SSH_CLIENT": "198.51.100.7 1 22"},
			processes: map[int]process{1: {0, "init", nil, nil}, 60: {61, "packetscope", nil, nil}, 61: {1, "bash", map[string]string{"SSH_CLIENT": "198.51.100.7 1 22"}, nil}},
			unknown:   `SSH_CLIENT is "198.51.100.7 1 22", but no socket here has that peer`,
		},
		{name: "nonsense", env: map[string]string{"SSH_CONNECTION": "a b c d"}, processes: plainShell, unknown: `"a" is no address`},
		{name: "too few words", env: map[string]string{"SSH_CLIENT": "198.51.100.7"}, processes: plainShell, unknown: "not an address and its port"},
		{name: "a port too large", env: map[string]string{"SSH_CLIENT": "198.51.100.7 65536 22"}, processes: plainShell, unknown: `"65536" is no port`},
		{name: "no /proc", processes: nil, unknown: "read the parent of process 60"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := reader{pid: 60, proc: recordProc(t, test.processes), env: func(name string) string { return test.env[name] }}
			r.facts.Sockets = online
			r.operator()
			if diff := cmp.Diff(test.want, r.facts.Operator, plain); diff != "" {
				t.Errorf("operator (-want +got):\n%s", diff)
			}
			if got := r.facts.Unknown[Operator]; test.unknown == "" && got != "" || test.unknown != "" && strings.Count(got, test.unknown) != 1 {
				t.Errorf("unknown is %q, want %q", got, test.unknown)
			}
		})
	}
}
