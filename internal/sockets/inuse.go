package sockets

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// absent tells which protocols have no socket in the calling thread's namespace. The
// kernel's table of connections is one for all namespaces and takes milliseconds to
// walk; most namespaces of containers have nothing in it.
//
// What cannot be told is taken to have sockets.
func absent() map[Protocol]bool {
	inUse, known := make(map[Protocol]uint64), make(map[Protocol]bool)
	for _, name := range []string{"sockstat", "sockstat6"} {
		text, err := os.ReadFile("/proc/thread-self/net/" + name)
		if errors.Is(err, fs.ErrNotExist) && name == "sockstat6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil
		}
		addInUse(string(text), inUse, known)
	}
	none := make(map[Protocol]bool)
	for p := range known {
		none[p] = inUse[p] == 0
	}
	return none
}

// addInUse adds up the sockets in a text such as
//
//	sockets: used 12
//	TCP: inuse 1 orphan 0 tw 3 alloc 1 mem 0
//	UDP: inuse 2 mem 68
//
// Of these, inuse and tw are of the namespace: sockets in the kernel's tables, and
// what remains of connections (sockstat_seq_show() in the kernel's net/ipv4/proc.c).
// A request for a connection has a listener, which is in use.
func addInUse(text string, inUse map[Protocol]uint64, known map[Protocol]bool) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		p, ok := map[string]Protocol{"TCP:": TCP, "TCP6:": TCP, "UDP:": UDP, "UDP6:": UDP}[fields[0]]
		if !ok {
			continue
		}
		for i := 1; i+1 < len(fields); i += 2 {
			if fields[i] != "inuse" && fields[i] != "tw" {
				continue
			}
			n, err := strconv.ParseUint(fields[i+1], 10, 64)
			if err != nil {
				n = 1
			}
			inUse[p] += n
			known[p] = true
		}
	}
}
