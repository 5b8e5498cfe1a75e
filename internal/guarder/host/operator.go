//go:build linux

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// operator finds the connection over which the program was started: by what sshd
// says in the environment of this process or of its ancestors (sudo takes it out),
// else by the socket of the sshd among the ancestors. What the environment says is
// believed only if there is such a connection now: that of a shell in tmux may be of
// last week.
func (r *reader) operator() {
	ancestors, err := ancestorsOf(r.proc, r.pid)
	if err != nil {
		r.note(Operator, err)
	}
	environments := []func(string) string{r.env}
	for _, pid := range ancestors {
		environments = append(environments, environment(filepath.Join(r.proc, strconv.Itoa(pid), "environ")))
	}
	for _, env := range environments {
		c, found, err := sshConnection(env, r.facts.Sockets)
		if err != nil {
			r.note(Operator, err)
		}
		if found {
			r.facts.Operator = []Connection{c}
			delete(r.facts.Unknown, Operator)
			return
		}
	}
	for _, pid := range ancestors {
		folder := filepath.Join(r.proc, strconv.Itoa(pid))
		if !isSSHD(folder) {
			continue
		}
		inodes, err := socketsOf(folder)
		if err != nil {
			r.note(Operator, fmt.Errorf("sockets of sshd %d: %w", pid, err))
			continue
		}
		for _, s := range r.facts.Sockets {
			if s.Protocol == packet.TCP && s.State == Established && slices.Contains(inodes, s.Inode) {
				r.facts.Operator = append(r.facts.Operator, Connection{s.Local, s.Remote})
			}
		}
		if len(r.facts.Operator) > 0 {
			delete(r.facts.Unknown, Operator)
			return // the listener further up holds no connection
		}
	}
}

// sshConnection reads what sshd puts into the environment (ssh(1)): SSH_CONNECTION
// is "client port server port"; SSH_CLIENT is "client port port", without the
// server's address. It returns the connection among the sockets, or an error if the
// environment names one that is not there.
func sshConnection(env func(string) string, sockets []Socket) (c Connection, found bool, err error) {
	name := "SSH_CONNECTION"
	words := strings.Fields(env(name))
	if len(words) == 0 {
		name = "SSH_CLIENT"
		words = strings.Fields(env(name))
	}
	if len(words) == 0 {
		return c, false, nil
	}
	text := strings.Join(words, " ")
	if len(words) == 4 { // without the server's address
		words = append(words[:2], words[3])
	}
	if len(words) != 3 {
		return c, false, fmt.Errorf("%s is %q, not an address and its port, and a server's", name, text)
	}
	remote, err := parseEnd(words[0], words[1])
	if err != nil {
		return c, false, fmt.Errorf("%s: %w", name, err)
	}
	for _, s := range sockets {
		if s.Protocol == packet.TCP && s.State == Established && s.Remote == remote && strconv.Itoa(int(s.Local.Port())) == words[2] {
			return Connection{s.Local, s.Remote}, true, nil
		}
	}
	return c, false, fmt.Errorf("%s is %q, but no socket here has that peer", name, text)
}

func parseEnd(addr, port string) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", addr)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no port", port)
	}
	return netip.AddrPortFrom(a.WithZone("").Unmap(), uint16(p)), nil
}

// ancestorsOf returns the parent of a process, its parent, and so on. In a PID
// namespace the line ends at its first process.
func ancestorsOf(proc string, pid int) ([]int, error) {
	var line []int
	for len(line) < 64 { // no real line is as long; a wrong file must not hold us
		stat, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "stat"))
		if err != nil {
			return line, fmt.Errorf("read the parent of process %d: %w", pid, err)
		}
		if pid, err = parentIn(string(stat)); err != nil {
			return line, err
		}
		if pid <= 0 {
			break
		}
		line = append(line, pid)
	}
	return line, nil
}

// parentIn reads /proc/PID/stat: the parent is the second word behind the name, which
// is in brackets and may hold anything.
func parentIn(stat string) (int, error) {
	words := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(words) < 2 {
		return 0, fmt.Errorf("process status %q has no parent", stat)
	}
	return strconv.Atoi(words[1])
}

// environment returns how to look a variable up in a process's first environment,
// which is empty if it may not be read.
func environment(path string) func(string) string {
	text, _ := os.ReadFile(path)
	return func(name string) string {
		for entry := range strings.SplitSeq(string(text), "\x00") {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// isSSHD knows the names of OpenSSH, whose sessions are called sshd-session from
// 9.8 on, and of Dropbear.
func isSSHD(folder string) bool {
	name, _ := os.ReadFile(filepath.Join(folder, "comm"))
	switch strings.TrimSpace(string(name)) {
	case "sshd", "sshd-session", "dropbear":
		return true
	}
	return false
}

// socketsOf returns the inodes of the sockets that a process has open.
func socketsOf(folder string) ([]uint32, error) {
	entries, err := os.ReadDir(filepath.Join(folder, "fd"))
	if err != nil {
		return nil, err
	}
	var inodes []uint32
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(folder, "fd", e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // closed since
		}
		if err != nil {
			return inodes, err
		}
		text, isSocket := strings.CutPrefix(target, "socket:[")
		if n, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 32); isSocket && err == nil {
			inodes = append(inodes, uint32(n))
		}
	}
	return inodes, nil
}
