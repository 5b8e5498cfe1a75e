// Package remote asks the servers that an operator has named, such as Prometheus, and
// does not trust what they answer.
//
//	c, err := remote.New(remote.Options{URL: "http://127.0.0.1:9090"})
//	answer, err := c.Get(ctx, "/api/v1/alerts", nil)
//
// A request goes to the configured address and nowhere else: no redirect is followed,
// no proxy of the environment is asked. Answers end at a size, and come within a time.
// A token is read from its file at each use, so that a new one needs no reload, and is
// in no error.
//
// # Thread Safety
//
// A Client may be used from any goroutine.
package remote
