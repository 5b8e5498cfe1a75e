package model

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxKey is longer than the keys of all providers, tokens of JWT included.
const maxKey = 16 << 10

// readKey returns the key in a file, without the space around it. Errors name the file
// and never what is in it.
func readKey(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxKey+1))
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	key := bytes.TrimSpace(data)
	switch {
	case len(key) == 0:
		return "", fmt.Errorf("read key %q: %w", path, errNoKey)
	case len(data) > maxKey, bytes.ContainsFunc(key, notOfKey):
		return "", fmt.Errorf("read key %q: holds something else than one key", path)
	}
	return string(key), nil
}

var errNoKey = errors.New("the file is empty: write the key into it")

// notOfKey tells what a header cannot carry, or no key has.
func notOfKey(r rune) bool { return r <= ' ' || r > '~' }
