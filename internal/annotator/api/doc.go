// Package api answers people and programs that ask the annotator over HTTP.
//
//	h := api.New(api.Options{Engine: engine, Store: store, Webhook: webhook.New(…), Auth: tokens, …})
//	defer h.Close()
//
// # Requests
//
//	POST /api/v1/alerts                   ingest   Alertmanager's webhook, see package webhook
//	POST /api/v1/explain                  read     explains an episode, an alert or a host now: Question
//	GET  /api/v1/explain/{id}             read     what became of it: Work
//	GET  /api/v1/episodes                 read     the newest episodes: {"episodes": [Episode]}
//	GET  /api/v1/episodes/{id}            read     one, with its revisions and sinks: Episode
//	GET  /api/v1/prompt?episode={id}      read     what a model would be shown: Prompt
//	POST /api/v1/feedback                 read     what a person thinks of an explanation: Opinion
//	GET  /api/v1/suggestions              approve  proposed rules: {"suggestions": [Suggestion]}
//	GET  /api/v1/suggestions/{id}         approve  one: Suggestion
//	POST /api/v1/suggestions/{id}/approve approve  Approval; the answer is the Suggestion
//	POST /api/v1/suggestions/{id}/reject  approve  Rejection; the answer is the Suggestion
//	GET  /api/v1/status                   read     providers, budget and what waits: Status
//	GET  /api/v1/config                   read     the configuration in force, without secrets
//	GET  /api/v1/dead                     approve  what could not be worked on: {"dead": [Letter]}
//	GET  /api/v1/dead/{id}                approve  one, with its body: Letter
//	POST /api/v1/dead/{id}/retry          approve  works on it again
//	GET  /api/v1/audit?since={number}     read     who did what: a store.AuditEntry a line
//
// An explanation on demand takes as long as a model takes. The answer to a Question is 202
// with a Work that is running, or with ?wait=30s (at most a minute) 200 if it ended in time.
// The last 50 can be asked for.
//
// ?limit= says how many episodes (100, at most 1,000) and entries of the audit log (1,000, at
// most 10,000) are returned.
// Entries begin behind the number since. If the log is damaged the last line is a Fault.
//
// # Form
//
// Answers are JSON with names in snake_case; times are of RFC 3339, durations are texts such
// as "1h30m0s". Fields may be added, and none changes its meaning. A list is never null.
// Errors are a Fault: {"error": {"code": "unknown", "message": "…"}}.
//
//	400 bad_request   a body, a parameter or a value is not right: the message says which
//	401 unauthorized  no or wrong credentials: Authorization: Bearer TOKEN
//	403 forbidden     credentials of another scope, or a page of another site in a browser
//	404 unknown       no such path, episode, suggestion, work or letter
//	405 method        Allow says which one
//	409 conflict      it cannot be done in the state that the thing is in
//	413 too_large     the body has more than 64 KiB
//	500 internal      the log of the annotator says more
//	503 unavailable   not now: come again
//
// Bodies are strict: a name that is not known is an error, as it would else be a wish that is
// not granted.
//
// # Strangers
//
// No answer is a redirect, no header lets pages of other sites read an answer, and requests
// that change something are refused if a browser says that another site sent them. Texts of
// answers hold what strangers wrote, as JSON strings with < > & escaped.
package api
