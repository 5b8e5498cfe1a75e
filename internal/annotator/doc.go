// Package annotator turns alerts into explanations. It joins the packages below it to a
// pipeline: what the webhook took is explained from facts of Prometheus, at once by the
// built-in explainer and then, if there is one, by a model; each revision goes to all sinks.
//
//	engine, err := annotator.New(annotator.Config{}, annotator.Parts{Store: s, Querier: q, …})
//	handler := webhook.New(engine.Inbox(), webhook.Limits{}, auth)
//	err = engine.Run(ctx)
//
// # Steps
//
// The work on an episode is cut into the steps of package store, each of which ends in one
// transaction:
//
//	gathered   the alert that leads, its labels, facts and gaps
//	explained  the built-in explanation, published to all sinks
//	asked      the model's answer, within ten minutes of the news
//	validated  the answer judged again, and published if it says something else
//	resolved   the end, published
//
// A process that dies anywhere goes on behind the last transaction. What a step does outside
// may be done twice: questions cost nothing, an answer of a model is in the cache, and sinks
// recognise what they have got.
//
// # Rules
//
// A rule that an answer proposes is text until a person approves it. Before it is shown it is
// held against the flows of the host, as its exporter tells: see [Proposal]. Nothing here can
// change anything at Guarder: exporters are read.
//
// # Storms
//
// While more episodes are open than a person reads, an episode of its own sums them up, and
// only the five most severe ones are brought to the model. See [Config.Quiet] for sinks that
// are to be spared.
//
// # Thread Safety
//
// All methods of an [Engine] may be called from any goroutine; Run is called once.
package annotator
