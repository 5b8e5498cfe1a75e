package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// mostFile is more than what sha256sum writes about one file, in bytes.
const mostFile = 4 << 10

// ReadHash reads a file as sha256sum writes it: 64 hexadecimal digits, and perhaps the
// name of a file. Errors do not show what is in it, as that may be the token itself.
func ReadHash(path string) (hash [sha256.Size]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return hash, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, mostFile))
	if err != nil {
		return hash, err
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	digits, _, _ := strings.Cut(lines[0], " ")
	decoded, err := hex.DecodeString(strings.TrimSpace(digits))
	if err != nil || len(decoded) != len(hash) || len(lines) != 1 {
		return hash, fmt.Errorf("file %q does not hold one SHA-256", path)
	}
	hash = [sha256.Size]byte(decoded)
	for _, nothing := range []string{"", "\n"} {
		if hash == sha256.Sum256([]byte(nothing)) {
			return hash, fmt.Errorf("file %q holds the SHA-256 of no token", path)
		}
	}
	return hash, nil
}
