package kernel

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// A Host is the machine and the process that questions are about.
type Host struct {
	// Root is the root directory; only files under proc and sys are read.
	Root fs.FS
	// Held tells which capabilities are effective, by name such as "CAP_BPF".
	Held map[string]bool
	// BTF loads the types of the kernel; normally [LoadBTF].
	BTF func() (*BTF, error)
	// Trampoline tries out whether a trampoline program can be loaded and
	// attached; normally [TryTrampoline].
	Trampoline func() error
}

// ThisHost returns the host that the program runs on, with the capabilities
// that the process has now.
func ThisHost() Host {
	return Host{Root: os.DirFS("/"), Held: heldCapabilities(), BTF: LoadBTF, Trampoline: TryTrampoline}
}

// Release returns the version of the kernel and its full name, "6.1.0-18-amd64".
func (h Host) Release() (Release, string, error) {
	name, err := h.read("proc/sys/kernel/osrelease")
	if err != nil {
		return Release{}, "", err
	}
	release, err := ParseRelease(name)
	return release, name, err
}

// read returns the content of a small file without the white space around it.
func (h Host) read(path string) (string, error) {
	data, err := fs.ReadFile(h.Root, path)
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		// Name the file as people do; paths in an fs.FS have no root.
		err = &fs.PathError{Op: e.Op, Path: "/" + e.Path, Err: e.Err}
	}
	return strings.TrimSpace(string(data)), err
}

// sysctl returns the number in a file below proc/sys.
func (h Host) sysctl(name string) (int, error) {
	text, err := h.read("proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// exists reports whether there is a file; Unknown if it cannot be said, or if
// not even the directory above is there, as where /sys is not mounted.
func (h Host) exists(directory, name string) Outcome {
	if _, err := fs.Stat(h.Root, directory); err != nil {
		return Unknown
	}
	switch _, err := fs.Stat(h.Root, directory+"/"+name); {
	case err == nil:
		return Yes
	case errors.Is(err, fs.ErrNotExist):
		return No
	default:
		return Unknown
	}
}
