package packet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// same compares whole packets; "no payload" has one form in the documentation.
var same = cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateEmpty()}

func TestParseFindsWhatWasBuilt(t *testing.T) {
	for _, s := range specimens() {
		t.Run(s.name, func(t *testing.T) {
			frame := s.frame.Bytes()
			if diff := cmp.Diff(s.want(), Parse(frame), same); diff != "" {
				t.Errorf("(-want +got)\n%s\nframe %x", diff, frame)
			}
		})
	}
}
