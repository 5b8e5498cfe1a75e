package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	tracefilter "github.com/packetscope/packetscope/internal/tracer/filter"
)

// traceFilter compiles the words of a command line as one expression. A fault has been
// printed, with a mark below where it is, if the error is an exitError.
func traceFilter(e env, words []string) (*tracefilter.Filter, error) {
	text := strings.Join(words, " ")
	f, err := tracefilter.Compile(text, filterNames())
	if fault := (*tracefilter.Error)(nil); errors.As(err, &fault) {
		return nil, failWith(e.stderr, errors.New(pointAt(text, fault)))
	}
	return f, err
}

// pointAt returns the text of a filter, a mark below the place of a fault, and what it is.
func pointAt(text string, fault *tracefilter.Error) string {
	before := printableLine(text[:min(len(text), fault.Column-1)])
	return fmt.Sprintf("the filter is wrong at column %d: %s\n  %s\n  %s^", fault.Column, fault.Text, printableLine(text), strings.Repeat(" ", cells(before)))
}

// filterNames finds what filters name, as things are now.
func filterNames() tracefilter.Names {
	return tracefilter.Names{Interface: interfaceIndex, Namespace: namespaceInode, Cgroup: cgroupIdentity, Port: portOf}
}

func interfaceIndex(name string) (uint32, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, errors.New("there is no such interface here; those of other namespaces are named by index, with netns")
	}
	return uint32(i.Index), nil
}

// namespaceInode takes a path, or a name that "ip netns" gave.
func namespaceInode(path string) (uint32, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join("/run/netns", path)
	}
	inode, err := inodeOf(path)
	return uint32(inode), err
}

// cgroupIdentity takes a path in the file system, or below the root of the hierarchy.
func cgroupIdentity(path string) (uint64, error) {
	const root = "/sys/fs/cgroup"
	if !strings.HasPrefix(path, root+"/") {
		path = filepath.Join(root, path)
	}
	return inodeOf(path)
}

func inodeOf(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s has no inode", path)
	}
	return stat.Ino, nil
}

// portOf looks into /etc/services.
func portOf(name string) (tracefilter.Service, error) {
	var s tracefilter.Service
	for network, has := range map[string]*bool{"tcp": &s.TCP, "udp": &s.UDP} {
		if port, err := net.LookupPort(network, name); err == nil {
			s.Port, *has = uint16(port), true
		}
	}
	if !s.TCP && !s.UDP {
		return s, errors.New("there is no such service in /etc/services")
	}
	return s, nil
}
