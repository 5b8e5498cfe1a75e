package feed

import "time"

const (
	// firstRetry is the pause after the first failure; each further one doubles it, up to
	// the refresh of the feed.
	firstRetry = 30 * time.Second
	// jitter is which part of a pause is left to chance, so that hosts that started
	// together do not ask together.
	jitter = 0.2
)

// Pause returns how long to wait until a feed is read again, after so many failures in a
// row; chance is from 0 to 1. It is never longer than refresh, so that what is due every
// hour is not told as missing after one.
func Pause(refresh time.Duration, failures int, chance float64) time.Duration {
	pause := refresh
	if failures > 0 {
		pause = min(refresh, firstRetry<<min(failures-1, 20))
	}
	return pause - time.Duration(chance*jitter*float64(pause))
}
