//go:build linux

package host

import "testing"

func TestReadCookies(t *testing.T) {
	for text, want := range map[string]bool{"0\n": true, "1\n": false, "2\n": false} {
		r := reader{proc: recordFiles(t, map[string]string{"sys/net/ipv4/tcp_syncookies": text})}
		if r.cookies(); r.facts.NoCookies != want {
			t.Errorf("%q: no cookies is %v, want %v", text, r.facts.NoCookies, want)
		}
	}
	r := reader{proc: t.TempDir()}
	if r.cookies(); r.facts.NoCookies || r.facts.Unknown[Cookies] == "" {
		t.Errorf("without the file: %+v", r.facts)
	}
}
