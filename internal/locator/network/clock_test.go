package network

import (
	"testing"
	"time"
)

func TestRTTIsTheKernelsUnlessItCannotBe(t *testing.T) {
	const ms = time.Millisecond
	sent := time.Unix(1_000_000, 0)
	at := func(d time.Duration) time.Time { return sent.Add(d) }
	for _, test := range []struct {
		name               string
		tx, rx             time.Time
		read, elapsed      time.Duration
		want               time.Duration
		txKernel, rxKernel bool
	}{
		{"both stamps", at(1 * ms), at(21 * ms), 30 * ms, 30 * ms, 20 * ms, true, true},
		{"a fast answer that is read late", at(0), at(50 * time.Microsecond), 10 * ms, 10 * ms, 50 * time.Microsecond, true, true},
		{"not stamped when sent", time.Time{}, at(21 * ms), 30 * ms, 30 * ms, 21 * ms, false, true},
		{"not stamped when received", at(1 * ms), time.Time{}, 30 * ms, 30 * ms, 29 * ms, true, false},
		{"no stamp", time.Time{}, time.Time{}, 30 * ms, 30 * ms, 30 * ms, false, false},
		{"the stamp of a packet sent before", at(-5 * ms), at(21 * ms), 30 * ms, 30 * ms, 21 * ms, false, true},
		{"slewed", at(0), at(2000 * ms), 2000 * ms, 2001 * ms, 2000 * ms, true, true},
		{"set back between the stamps", at(1 * ms), at(-979 * ms), -970 * ms, 30 * ms, 30 * ms, false, false},
		{"set forward between the stamps", at(1 * ms), at(1021 * ms), 1030 * ms, 30 * ms, 30 * ms, false, false},
		{"set forward a little, as the answer was read late", at(1 * ms), at(6 * ms), 15 * ms, 10 * ms, 10 * ms, false, false},
		{"set back a little", at(1 * ms), at(16 * ms), 25 * ms, 30 * ms, 30 * ms, false, false},
		{"set after the answer came", at(1 * ms), at(21 * ms), 3_600_030 * ms, 30 * ms, 30 * ms, false, false},
		{"a stamp from the past", at(1 * ms), at(-1 * ms), 30 * ms, 30 * ms, 30 * ms, false, false},
		{"a stamp from the future", at(1 * ms), at(99 * ms), 30 * ms, 30 * ms, 30 * ms, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			trip := trip{sent: sent, read: at(test.read), elapsed: test.elapsed, tx: test.tx, rx: test.rx}
			got, tx, rx := trip.rtt()
			if got != test.want || tx != test.txKernel || rx != test.rxKernel {
				t.Errorf("got %v, kernel %v and %v, want %v, %v and %v", got, tx, rx, test.want, test.txKernel, test.rxKernel)
			}
		})
	}
}
