package servers

import (
	"testing"
	"time"
)

// Eventually asks until the answer is nil, and fails the test with the last answer if
// that takes longer than the limit.
func Eventually(t testing.TB, limit time.Duration, ask func() error) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := ask()
		if err == nil {
			return
		}
		if time.Since(began) > limit {
			t.Fatalf("after %v: %v", limit, err)
		}
	}
}
