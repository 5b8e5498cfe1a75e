package deploy

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestAnnotatorCollectsBeforeItsLimit claims that wherever the annotator may have so much memory
// and no more, Go knows of it: else the heap doubles before garbage is collected, and a burst
// of large messages ends the process that has room for them.
func TestAnnotatorCollectsBeforeItsLimit(t *testing.T) {
	soft := regexp.MustCompile(`GOMEMLIMIT(?:: |=|, value: )(\d+)MiB`)
	_, compose, _ := strings.Cut(read(t, "compose.yaml"), "\n  annotator:\n")
	compose, _, _ = strings.Cut(compose, "\n\n")
	for limit, text := range map[string]string{
		`mem_limit: (\d+)m`:           compose,
		`MemoryMax=(\d+)M`:            read(t, "cmd/packetscope/deploy/packetscope-annotator.service"),
		`limits: \{memory: (\d+)Mi\}`: read(t, "cmd/packetscope/deploy/kubernetes-annotator.yaml"),
	} {
		hard, goes := regexp.MustCompile(limit).FindStringSubmatch(text), soft.FindStringSubmatch(text)
		if hard == nil || goes == nil {
			t.Errorf("%s: the limit is %q, and Go is told %q", limit, hard, goes)
			continue
		}
		most, err := strconv.Atoi(hard[1])
		if err != nil {
			t.Fatal(err)
		}
		if told, err := strconv.Atoi(goes[1]); err != nil || told >= most*9/10 || told < most/2 {
			t.Errorf("%s: Go is told %d MiB of %d (%v)", limit, told, most, err)
		}
	}
}
