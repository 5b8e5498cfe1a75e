//go:build linux

package host

import (
	"os"
	"path/filepath"
	"strings"
)

// cookies reads whether the kernel makes SYN cookies, of both families.
func (r *reader) cookies() {
	text, err := os.ReadFile(filepath.Join(r.proc, "sys/net/ipv4/tcp_syncookies"))
	if err != nil {
		r.note(Cookies, err)
		return
	}
	r.facts.NoCookies = strings.TrimSpace(string(text)) == "0"
}
