// Package double plays servers of models for tests: what they answer, and how they fail.
//
//	server := double.New(double.Say(`{"verdict":"…"}`))
//	defer server.Close()
//	client, err := model.New(model.Config{Dial: server.Dial, …})
//	…
//	calls := server.Calls() // what was asked
//	sent := server.Sent()   // each byte that left
//
// A Server is reached in memory by Dial, for tests with a clock of their own
// (testing/synctest), and is an [http.Handler], for those of real sockets.
//
// A [Reply] is what it does with one request: a building block such as [Say], [Fail] and
// [Hang], or a whole server such as [DeepSeek], which looks at the request first.
// [Scenarios] has all that servers are known to do, with the class of error that must come
// of it.
//
// # Thread Safety
//
// A Server may be used from any goroutine.
package double
