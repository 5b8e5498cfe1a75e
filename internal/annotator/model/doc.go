// Package model asks language models for a JSON object, over the chat completions of
// OpenAI's protocol, which most servers of models speak.
//
//	client, err := model.New(model.Config{Providers: []model.Provider{
//		{Name: "local", BaseURL: "http://127.0.0.1:11434/v1", Model: "qwen3:14b"},
//	}})
//	result, err := client.Complete(ctx, model.Request{
//		System: "…", User: "…", Schema: schema,
//		Check: func(answer []byte) string { return "" },
//	})
//
// A Client asks its providers in order until one answers. What servers make of the protocol
// differs, so it goes down a ladder at each (see [Mode]), and remembers for some hours what
// a server did not know ([Quirks]). That a server was given a schema means nothing: the
// answer is one that Check accepts. A wrong one is asked for once more, with nothing but a
// code of ours to say what was wrong.
//
// Complete never waits for a server that wants to be left alone, and repeats nothing that
// failed on the way: [Error] has a closed set of classes, and says when to come again.
// Servers that fail are left out for a while ([Breaker]), and calls and tokens are limited
// ([Budget]). What is spent, who wants to be left alone, and the quirks can outlive the process
// ([Keeper]); whoever failed is tried anew after a restart.
//
// # What leaves
//
// The given texts, the schema, and the settings of the provider. The library's headers about
// this machine are taken off, and no variable of the environment is read: no key, no
// address, no proxy. Redirects are errors. Bodies of answers end at 1 MiB.
//
// # Thread Safety
//
// All methods of a Client may be called from any goroutine. A Keeper and a Cache are called
// from all of them, a Keeper's Save by one at a time.
package model
