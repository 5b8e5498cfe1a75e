package kernel

import "testing"

func TestDropRefusesUnknownNames(t *testing.T) {
	if _, err := DropTo([]string{"CAP_BPF", "CAP_FLY"}); err == nil || err.Error() != `unknown capability "CAP_FLY"` {
		t.Errorf("error %v", err)
	}
}
