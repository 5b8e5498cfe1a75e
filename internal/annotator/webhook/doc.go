// Package webhook takes the messages of Alertmanager: version 4 of its webhook, as its
// notify/webhook package and template.Data write it.
//
//	h := webhook.New(inbox, webhook.Limits{}, auth)
//	http.ListenAndServe(addr, h) // POST /api/v1/alerts
//
// Nothing but the [Inbox] is touched before an answer, and the answer is chosen by what
// Alertmanager does with it, which was measured with version 0.31:
//
//	202  stored; it was not before
//	200  stored before: a retry, a twin of a cluster, or the same again
//	400  not a message of version 4; sent again at each group_interval, so a copy is buried.
//	     Also one that went through more than two annotators, of which none is: whoever
//	     sent it does not try again, which ends the circle
//	413  larger than the limit, or with more alerts than ten thousand
//	503  not now. It is the only class that is retried soon: 429 is not, whatever its
//	     Retry-After says, and a redirect is followed as a GET and taken for a delivery
//
// Of a message with single bad alerts the good ones go on.
package webhook
