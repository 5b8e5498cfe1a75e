package owner

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContainersAreNamedByTheirGroup(t *testing.T) {
	const id = "0123456789ab0123456789ab0123456789ab0123456789ab0123456789abcdef"
	for cgroup, want := range map[string]string{
		"":                                      "",
		"/":                                     "",
		"/system.slice/docker-" + id + ".scope": "0123456789ab",
		"/docker/" + id:                         "0123456789ab",
		"/docker/" + id + "/system.slice/nginx.service":                                        "0123456789ab",
		"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + id + ".scope":                  "0123456789ab",
		"/kubepods/burstable/pod1a2b/" + id:                                                    "0123456789ab",
		"/machine.slice/libpod-" + id + ".scope/container":                                     "0123456789ab",
		"/lxc.payload.web/init.scope":                                                          "web",
		"/lxc/web":                                                                             "web",
		"/machine.slice/machine-debian.scope":                                                  "debian",
		"/system.slice/nginx.service":                                                          "nginx",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/firefox.service":              "firefox",
		"/user.slice/user-1000.slice/session-2.scope":                                          "",
		"/system.slice/0123456789ab0123456789ab0123456789ab0123456789ab0123456789abcdefx.some": "",
	} {
		if got := containerOf(cgroup); got != want {
			t.Errorf("containerOf(%q) = %q, want %q", cgroup, got, want)
		}
	}
}

func TestOwnersAreFoundByInode(t *testing.T) {
	proc, groups := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(proc, "mounts"), fmt.Sprintf("cgroup /x cgroup rw 0 0\ncgroup2 %s cgroup2 rw 0 0\n", groups))
	write(filepath.Join(groups, "system.slice/nginx.service/cgroup.procs"), "")
	for pid, sockets := range map[string][]string{"70": {"socket:[11]"}, "8": {"socket:[11]", "pipe:[12]"}, "9": {"/dev/null"}} {
		write(filepath.Join(proc, pid, "comm"), "worker"+pid+"\n")
		for i, target := range sockets {
			fd := filepath.Join(proc, pid, "fd", fmt.Sprint(i))
			if err := os.MkdirAll(filepath.Dir(fd), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, fd); err != nil {
				t.Fatal(err)
			}
		}
	}
	var group syscall.Stat_t
	if err := syscall.Stat(filepath.Join(groups, "system.slice/nginx.service"), &group); err != nil {
		t.Fatal(err)
	}
	got := of(proc, []Socket{{Inode: 11, Cgroup: group.Ino}, {Inode: 12}, {Cgroup: group.Ino + 1e6}, {}})
	want := []Owner{
		{PID: 8, Process: "worker8", Cgroup: "/system.slice/nginx.service", Container: "nginx"}, {}, {}, {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}
