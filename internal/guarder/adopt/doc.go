// Package adopt turns a rule that somebody proposes into one that is in force for a time.
//
// The text comes from a file, or from the annotator, which reads what strangers send and
// may have been misled by it. So [Narrow] refuses a proposal that is more than a drop of
// a few named sources, and [Match] tells which of the traffic that is there now the rules
// would meet, before anybody is asked. [Stamp] writes into the text when it ends, and
// [Put] puts the file into a folder that the agent reads:
//
//	p, faults := policy.Parse(name, text, policy.Options{})
//	err := adopt.Narrow(p)
//	text, err = adopt.Stamp{Until: end, Audit: true}.On(text)
//	err = adopt.Put(adopt.Path(folder, id), text)
//
// The agent is told to read its files again by whoever adopts; nothing here speaks to it.
package adopt
