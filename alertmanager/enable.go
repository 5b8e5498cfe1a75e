package alertmanager

import (
	"fmt"
	"slices"
	"strings"
)

// Enable returns Config with the examples of the named receivers switched on, as an
// editor would do it: by taking away the comment signs in front of them.
//
// It is an error if there is no such receiver, or nothing to switch on.
func Enable(receivers ...string) (string, error) {
	lines := strings.Split(Config, "\n")
	for _, name := range receivers {
		if !enable(lines, name) {
			return "", fmt.Errorf("alertmanager.yml has no example for receiver %q", name)
		}
	}
	return strings.Join(lines, "\n"), nil
}

// enable changes lines, and reports whether it did. The example begins with the
// first comment below the receiver that is the key of a list, and ends with the
// comment.
func enable(lines []string, receiver string) bool {
	const sign, item = "    # ", "  - name: "
	at := slices.Index(lines, item+receiver)
	if at < 0 {
		return false
	}
	began := false
	for i, line := range lines[at+1:] {
		text, comment := strings.CutPrefix(line, sign)
		if !comment {
			break
		}
		if began = began || strings.HasSuffix(text, "_configs:"); began {
			lines[at+1+i] = "    " + text
		}
	}
	return began
}
