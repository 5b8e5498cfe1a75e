package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// mostInput is the most bytes that are read of one file, unpacked. The largest
// of the files that databases are made of, a table of routes, has some 50 MB.
const mostInput = 1 << 30

// stdinName is what standard input is called in faults.
const stdinName = "stdin"

// A geoInput is an open file that a database is made of.
type geoInput struct {
	name string
	// made is when the file was; of standard input that is not known, and it is now.
	made time.Time
	io.Reader
	close func() error
}

// openGeoInput opens a file, or standard input for "-". What is packed by gzip is
// unpacked, whatever its name: browsers unpack some files and leave their name.
func openGeoInput(e env, path string) (*geoInput, error) {
	in := &geoInput{name: stdinName, made: e.now(), close: func() error { return nil }}
	source := e.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		info, err := file.Stat()
		if err == nil && info.IsDir() {
			err = fmt.Errorf("%s is a folder (name the files in it)", path)
		}
		if err != nil {
			file.Close()
			return nil, err
		}
		in.name, in.made, in.close, source = path, info.ModTime(), file.Close, file
	}
	buffered := bufio.NewReaderSize(source, 1<<20)
	in.Reader = &bounded{in: buffered, left: mostInput}
	// RFC 1952 section 2.3.1.
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("%s:1:1: begins as gzip and is none: %w", in.name, err)
		}
		in.Reader = &bounded{in: unpacked, left: mostInput}
	}
	return in, nil
}

// bounded fails where io.LimitReader would tell an end of the file: half of one looks
// whole.
type bounded struct {
	in   io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes", int64(mostInput))
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) {
		err = fmt.Errorf("what gzip packed is cut off or damaged (fetch it again): %w", err)
	}
	return n, err
}
