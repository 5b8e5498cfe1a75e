package vmtest

import (
	"fmt"
	"io"
)

// cpioWriter writes an archive in the format "newc", the one that the kernel
// unpacks (Linux Documentation/driver-api/early-userspace/buffer-format.rst).
// The first error sticks and is returned by Close.
type cpioWriter struct {
	w    io.Writer
	ino  int
	size int64
	err  error
}

// The file types of struct stat's st_mode.
const (
	cpioDir  = 0o040000
	cpioFile = 0o100000
)

// Dir adds a folder. Parents must be added before their children.
func (c *cpioWriter) Dir(path string) { c.entry(path, cpioDir|0o755, nil) }

// File adds a file that everyone can read and execute.
func (c *cpioWriter) File(path string, data []byte) { c.entry(path, cpioFile|0o755, data) }

// Close writes the end of the archive. It does not close the underlying writer.
func (c *cpioWriter) Close() error {
	c.entry("TRAILER!!!", 0, nil)
	return c.err
}

func (c *cpioWriter) entry(path string, mode int, data []byte) {
	c.ino++
	// magic, then ino mode uid gid nlink mtime filesize devmajor devminor
	// rdevmajor rdevminor namesize check, each as 8 hexadecimal digits.
	fields := []int{c.ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path) + 1, 0}
	header := "070701"
	for _, f := range fields {
		header += fmt.Sprintf("%08x", f)
	}
	c.write([]byte(header + path + "\x00"))
	c.pad()
	c.write(data)
	c.pad()
}

// pad aligns to 4 bytes.
func (c *cpioWriter) pad() { c.write(make([]byte, -c.size&3)) }

func (c *cpioWriter) write(data []byte) {
	if c.err != nil {
		return
	}
	n, err := c.w.Write(data)
	c.size += int64(n)
	c.err = err
}
