package remote

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// mostSecret is longer than all tokens, those of JWT included, in bytes.
const mostSecret = 16 << 10

// ReadSecret returns the one word in a file, without the space around it. Errors name
// the file and never what is in it.
func ReadSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, mostSecret+1))
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	secret := bytes.TrimSpace(data)
	switch {
	case len(secret) == 0:
		return "", fmt.Errorf("read secret: file %q is empty", path)
	case len(data) > mostSecret:
		return "", fmt.Errorf("read secret: file %q has more than %d bytes", path, mostSecret)
	case bytes.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("read secret: file %q holds more than one word of ASCII; write nothing but the secret into it", path)
	}
	return string(secret), nil
}
