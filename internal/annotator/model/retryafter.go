package model

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter is as long as a server may send us away. Whoever says a day may be wrong.
const maxRetryAfter = time.Hour

// retryAfter returns how long a server wants to be left alone (RFC 9110 section 10.2.3), or 0
// if it does not say. Azure also says it in milliseconds.
func retryAfter(header http.Header, now time.Time) time.Duration {
	var wait float64 // seconds
	if ms, err := strconv.ParseFloat(header.Get("Retry-After-Ms"), 64); err == nil {
		wait = ms / 1000
	} else if text := header.Get("Retry-After"); text == "" {
		return 0
	} else if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		wait = seconds
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now).Seconds()
	}
	if !(wait > 0) { // nor NaN
		return 0
	}
	return time.Duration(math.Min(wait*float64(time.Second), float64(maxRetryAfter)))
}
